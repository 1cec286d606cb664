"""Writes README.md of each chart from the comments of its values.yaml.

usage: .venv/bin/python tools/chart_docs.py [--check] [CHART_FOLDER…]

The first comment block is the introduction (Markdown). `# -- text` above a key describes it; more comment lines go on.
A key without a description is an error, so that none is forgotten. --check says what is out of date and writes nothing.
"""
import argparse
import json
import pathlib
import re
import sys

import yaml

CHARTS = pathlib.Path(__file__).resolve().parent.parent / "deploy" / "charts"
MARK = "# -- "


class Undescribed(Exception):
    pass


def introduction(lines):
    """The comment block that the file begins with, as Markdown."""
    block = []
    for line in lines:
        if not line.startswith("#") or line.startswith(MARK):
            break
        block.append(line[1:].removeprefix(" "))
    return "\n".join(block).strip()


def described(lines):
    """Yields (path, description) in the order of the file."""
    path, text = [], None
    for line in lines:
        stripped = line.strip()
        if stripped.startswith(MARK):
            text = stripped.removeprefix(MARK)
        elif stripped.startswith("#"):
            text = None if text is None else f"{text} {stripped[1:].strip()}"
        elif match := re.match(r"( *)([A-Za-z][\w.-]*):", line):
            depth = len(match[1]) // 2
            path = path[:depth] + [match[2]]
            if text is not None:
                yield tuple(path), text
            text = None


def leaves(value, path, known):
    """Paths of all values; a described map counts as one value."""
    if path in known or not isinstance(value, dict) or not value:
        yield path, value
        return
    for name, inner in value.items():
        yield from leaves(inner, path + (name,), known)


def table(folder):
    text = (folder / "values.yaml").read_text()
    descriptions = dict(described(text.splitlines()))
    rows = []
    for path, value in leaves(yaml.safe_load(text), (), descriptions):
        if path not in descriptions:
            raise Undescribed(f"{folder.name}/values.yaml: {'.'.join(path)} has no \"{MARK}\" comment")
        default = json.dumps(value, ensure_ascii=False)
        rows.append(f"| `{'.'.join(path)}` | {descriptions[path].replace('|', chr(92) + '|')} | `{default}` |")
    return "\n".join(["| value | meaning | default |", "|---|---|---|", *rows])


def readme(folder):
    chart = yaml.safe_load((folder / "Chart.yaml").read_text())
    lines = (folder / "values.yaml").read_text().splitlines()
    return (f"# {chart['name']}\n\n{introduction(lines)}\n\n## Values\n\n{table(folder)}\n\n"
            "This file is written by `tools/chart_docs.py` from the comments of `values.yaml`.\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say what is out of date")
    parser.add_argument("folders", nargs="*", type=pathlib.Path, metavar="CHART_FOLDER")
    arguments = parser.parse_args()
    stale = []
    for folder in arguments.folders or sorted(path.parent for path in CHARTS.glob("*/Chart.yaml")):
        target = folder / "README.md"
        wanted = readme(folder)
        if target.exists() and target.read_text() == wanted:
            continue
        stale.append(target)
        if not arguments.check:
            target.write_text(wanted)
    if arguments.check and stale:
        sys.exit("".join(f"{path} is out of date; run .venv/bin/python tools/chart_docs.py\n" for path in stale).rstrip())


if __name__ == "__main__":
    try:
        main()
    except Undescribed as error:
        sys.exit(f"tools/chart_docs.py: {error}")
