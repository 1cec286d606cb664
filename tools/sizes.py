"""Asks about what is far outside the house's habits in the C++ files it is given: a question a line, never a failure.

Files over 400 lines, functions over 50, more than 5 parameters, more than 12 public methods. It reads text, not C++: macros and
what clang-format would not write are beyond it.
"""
import re
import sys

BLANK = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.DOTALL)
NAME = re.compile(r"(~?\w+|operator\S+)\s*$")
NO_FUNCTION = {"if", "for", "while", "switch", "catch", "return", "sizeof", "alignas", "decltype", "static_assert", "noexcept", "requires"}
OPENS, CLOSES = "([{", ")]}"


def without_text(source):
    """Comments and strings as blanks, so that places stay the same."""
    return BLANK.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), source)


def parameters(text):
    """How many parameters stand between the parentheses of a declaration."""
    depth, commas = 0, 0
    for char in text:
        depth += (char in "([{<") - (char in ")]}>")
        commas += char == "," and depth == 0
    return commas + 1 if text.strip() else 0


class Scope:
    def __init__(self, kind, name="", start=0, public=True):
        self.kind, self.name, self.start, self.public, self.methods = kind, name, start, public, 0


def opened(head, outer):
    """What the brace after `head` opens."""
    if re.search(r"\bnamespace\b[\w: ]*$", head):
        return Scope("namespace")
    found = re.match(r"\s*(?:template\s*<[^{]*>\s*)?(class|struct)\s+(?:\[\[\w+\]\]\s*)?([\w:]+)[^()=]*$", head)
    if found:
        return Scope("class", found[2], public=found[1] == "struct")
    signature = declared(head)
    return Scope("function", signature[0]) if signature and outer.kind in ("namespace", "class") else Scope("other")


def declared(head):
    """Name and parameters of the function that `head` declares; None when it declares none."""
    start, depth = -1, 0
    for at, char in enumerate(head):
        if char == "(" and depth == 0 and start < 0:
            name = NAME.search(head[:at])
            if name and name[1] not in NO_FUNCTION and re.match(r"\s*[\w~:\[]", head) and "=" not in head[:at].replace("operator=", ""):
                start = at
        depth += (char in OPENS) - (char in CLOSES)
        if start >= 0 and depth == 0:
            return NAME.search(head[:start])[1], parameters(head[start + 1:at])
    return None


def questions(path, source):
    if source.count("\n") > 400:
        yield f"long file? {path} ({source.count(chr(10))} lines)"
    text = re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", lambda found: re.sub(r"[^\n]", " ", found[0]), without_text(source), flags=re.MULTILINE)
    scopes, begin, line = [Scope("namespace")], 0, 1
    for found in re.finditer(r"[:;{}\n]", text):
        at, char = found.start(), found[0]
        line += char == "\n"
        here, head = scopes[-1], text[begin:at]
        if here.kind == "class" and char == ":" and head.strip() in ("public", "protected", "private"):
            here.public, begin = head.strip() == "public", at + 1
        elif char == "{":
            scopes.append(opened(head, here))
            scopes[-1].start = line
        if char in ";{" and here.kind in ("namespace", "class"):
            signature = declared(head)
            if signature and (char == ";" or scopes[-1].kind == "function"):
                if signature[1] > 5:
                    yield f"many parameters? {path}:{line} ({signature[1]} of {signature[0]})"
                here.methods += here.public and signature[0].strip("~") != here.name
        if char == "}" and len(scopes) > 1:
            done = scopes.pop()
            if done.kind == "function" and line - done.start > 50:
                yield f"long function? {path}:{done.start} ({line - done.start} lines of {done.name})"
            if done.kind == "class" and done.methods > 12:
                yield f"many public methods? {path}:{done.start} ({done.methods} of {done.name})"
        if char in ";{}":
            begin = at + 1


def main():
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            for question in questions(path, file.read()):
                print(question)


if __name__ == "__main__":
    main()
