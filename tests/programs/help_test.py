"""The help of every program and of all its commands is text that a terminal can print.

usage: help_test.py BIN
"""
import pathlib
import re
import subprocess
import sys

PROGRAMS = ["strongroom", "strongroom-agent", "strongroom-coordinator", "strongroom-modelserver", "strongroom-simtee",
            "strongroom-webhook"]


def not_printable(text):
    return sorted({c for c in text if not (c.isprintable() or c == "\n")})


def commands_in(text):
    """The words of the section that lists commands."""
    section = re.search(r"^subcommands:\n((?:[ \t].*\n|\n(?=[ \t]))*)", text, re.M | re.I)
    return re.findall(r"^  (\w[\w-]*)", section[1], re.M) if section else []


def check(program, words=()):
    """Complaints about the help of `program words…` and of all commands below it, and how many were read."""
    result = subprocess.run([program, *words, "--help"], capture_output=True)
    name = " ".join([program.name, *words])
    text = result.stdout.decode(errors="replace")
    complaints = []
    if result.returncode != 0 or not text.strip():
        complaints.append(f"{name} --help ends with {result.returncode} and {len(text)} characters")
    if found := not_printable(text):
        complaints.append(f"{name} --help prints {found}")
    read = 1
    for command in commands_in(text):
        more, below = check(program, (*words, command))
        complaints, read = complaints + more, read + below
    return complaints, read


def main():
    folder, complaints, read = pathlib.Path(sys.argv[1]).resolve(), [], {}
    if not not_printable("{f32->\0}") or commands_in("Subcommands:\n  a   does\n  b-c  does\n") != ["a", "b-c"]:
        sys.exit("help_test would not see what it looks for")
    for name in PROGRAMS:
        more, read[name] = check(folder / name)
        complaints += more
    for name in ("strongroom", "strongroom-simtee"):
        if read[name] < 5:
            complaints.append(f"{name}: only {read[name]} helps were read")
    print("\n".join(complaints) or f"{sum(read.values())} helps are text")
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
