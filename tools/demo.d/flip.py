"""Inverts the lowest bit of one byte of a file; the same call again mends it.

usage: flip.py FILE [OFFSET]   without an offset a byte near the end, where only section headers are, which no loader reads
"""
import pathlib
import sys


def main():
    path = pathlib.Path(sys.argv[1])
    size = path.stat().st_size
    offset = int(sys.argv[2]) if len(sys.argv) > 2 else size - 5
    # A copy in its place, so that other names of the same file stay as they are.
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    changed = path.with_name(path.name + ".changed")
    changed.write_bytes(data)
    changed.chmod(path.stat().st_mode)
    changed.replace(path)


if __name__ == "__main__":
    main()
