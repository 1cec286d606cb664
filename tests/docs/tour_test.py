"""Holds docs/tour.md against the code: what it links to is there, and each line of code that it quotes (a span that ends in ; or ,) is
one line of src."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOUR = ROOT / "docs/tour.md"


def code_lines():
    return [line.strip() for path in (ROOT / "src").rglob("*.cc") if "test" not in path.name
            for line in path.read_text().splitlines()]


def violations(text, lines):
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        if not (TOUR.parent / target).exists():
            yield f"{target}: there is no such file"
    quoted = re.findall(r"`([^`]+[;,])`", text)
    if len(quoted) < 2:
        yield "no line that releases a key is quoted"
    for line in quoted:
        if lines.count(line) != 1:
            yield f"`{line}`: {lines.count(line)} such lines in src, wanted one"


def main():
    text, lines = TOUR.read_text(), code_lines()
    # The test must be able to fail.
    others = (text.replace("(../src/net)", "(../src/nets)"), text.replace("Clone(),`", "Cloned(),`"), text.replace(";`", "`"))
    if not all(other != text and any(violations(other, lines)) for other in others):
        print("the test does not see a wrong tour")
        return 1
    found = list(violations(text, lines))
    print("\n".join(found) or "the tour shows what is there")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
