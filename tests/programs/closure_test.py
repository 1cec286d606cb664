"""Holds every program's library closure against a list: what is linked is what is trusted. And nothing of the simulator,
which proves nothing, is linked into any program but its own.

usage: closure_test.py BIN_FOLDER [--write]
"""
import pathlib
import re
import subprocess
import sys

LISTS = pathlib.Path(__file__).resolve().parent / "closure"
# Part of every C++ program; the loader and the kernel's page are not libraries of ours to choose.
ALWAYS = {"linux-vdso.so.1", "ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6"}


SIMULATOR = "strongroom-simtee"
# Its namespaces in the names of functions and types, and what its certificates are called.
MARKS = (b"N10strongroom3sim", b"N10strongroom6simtee", b"Strongroom TEST")


def marks_of_the_simulator(program):
    content = program.read_bytes()
    return [mark.decode() for mark in MARKS if mark in content]


def closure(program):
    """Sonames of everything the loader maps for `program`, version suffixes of OpenVINO left out."""
    out = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    if "not found" in out:
        sys.exit(f"{program}: a library is missing:\n{out}")
    names = {re.split(r"\s", line.strip())[0].rsplit("/", 1)[-1] for line in out.splitlines()}
    return {re.sub(r"^(libopenvino)\.so\.\d+$", r"\1.so", name) for name in names} - ALWAYS


def main():
    folder = pathlib.Path(sys.argv[1])
    programs = sorted(p for p in folder.glob("strongroom*") if p.is_file())
    if "--write" in sys.argv:
        LISTS.mkdir(exist_ok=True)
        for program in programs:
            (LISTS / f"{program.name}.txt").write_text("".join(f"{n}\n" for n in sorted(closure(program))))
        return
    expected = sorted(LISTS.glob("*.txt"))
    if not expected or {p.stem for p in expected} != {p.name for p in programs}:
        sys.exit(f"programs {[p.name for p in programs]}, lists {[p.stem for p in expected]}: wanted one list a program")
    bad = False
    for program in programs:
        found = closure(program)
        wanted = set((LISTS / f"{program.name}.txt").read_text().split())
        for name in sorted(found - wanted):
            print(f"{program.name}: {name} is new in its closure; if that is meant, tests/programs/closure_test.py BIN --write")
        for name in sorted(wanted - found):
            print(f"{program.name}: {name} is listed and no longer linked")
        marks = marks_of_the_simulator(program)
        if program.name == SIMULATOR and not marks:  # the search must be able to find something
            print(f"{program.name}: none of {MARKS} is in it")
        elif program.name != SIMULATOR and marks:
            print(f"{program.name}: parts of the simulator are linked into it: {marks}")
        bad = bad or found != wanted or bool(marks) != (program.name == SIMULATOR)
        print(f"{program.name}: {len(found)} libraries")
    sys.exit(bad)


if __name__ == "__main__":
    main()
