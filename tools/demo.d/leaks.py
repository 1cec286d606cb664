"""Searches folders for models' keys and weights, raw, in hex and in base64.

usage: leaks.py (--absent | --present) --model KEY WEIGHTS [--model KEY WEIGHTS…] [--except FOLDER] FOLDER…

--absent   fails when anything is found (or a file cannot be read)
--present  the positive control: fails unless everything is found
"""
import argparse
import base64
import os
import pathlib
import stat
import sys

BLOCK = 8 << 20
CHUNK = 48  # bytes of weights a needle has; long enough not to occur by chance


def base64_needles(name, data):
    """base64 of `data` at each of the three alignments, without the characters that its neighbours shape."""
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + data)
        yield f"{name} (base64, shift {shift})", text[4 if shift else 0:-4]


def needles(key_file, weights_file):
    key, weights = key_file.read_bytes(), weights_file.read_bytes()
    yield f"{key_file} (raw)", key
    yield f"{key_file} (hex)", key.hex().encode()
    yield f"{key_file} (HEX)", key.hex().upper().encode()
    yield from base64_needles(key_file, key)
    for share in (0.1, 0.5, 0.9):
        at = int(len(weights) * share)
        chunk = weights[at:at + CHUNK]
        yield f"{weights_file} at {share:.0%} (raw)", chunk
        yield f"{weights_file} at {share:.0%} (hex)", chunk.hex().encode()
        yield from base64_needles(f"{weights_file} at {share:.0%}", chunk)


def regular_files(folders, left_out):
    for folder in folders:
        for root, below, names in os.walk(folder):
            below[:] = [b for b in below if os.path.realpath(os.path.join(root, b)) != left_out]
            for name in names:
                path = pathlib.Path(root, name)
                try:
                    info = path.lstat()
                    # Other users' files are theirs; everything of ours must be readable.
                    if stat.S_ISREG(info.st_mode) and (info.st_uid == os.geteuid() or os.access(path, os.R_OK)):
                        yield path
                except FileNotFoundError:
                    continue  # gone while we looked


def names_in(path, wanted):
    """Which needles a file holds. Read in blocks: it may be large, and may shrink while we look."""
    overlap = max(len(needle) for needle in wanted.values()) - 1
    found, tail = set(), b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            window = tail + block
            found.update(name for name, needle in wanted.items() if needle in window)
            tail = window[-overlap:]
    return found


def main():
    parser = argparse.ArgumentParser()
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--absent", action="store_true")
    mode.add_argument("--present", action="store_true")
    parser.add_argument("--model", action="append", nargs=2, type=pathlib.Path, required=True, metavar=("KEY", "WEIGHTS"))
    parser.add_argument("--except", dest="left_out", type=os.path.realpath,
                        help="the owner's own folder, should it lie below a searched one")
    parser.add_argument("folders", nargs="+")
    args = parser.parse_args()

    wanted = {name: needle for model in args.model for name, needle in needles(*model)}
    found, files, unreadable = {}, 0, []
    for path in regular_files(args.folders, args.left_out):
        try:
            found_here = names_in(path, wanted)
        except FileNotFoundError:
            continue
        except OSError as error:
            unreadable.append(f"{path}: {error.strerror}")
            continue
        files += 1
        for name in found_here:
            found.setdefault(name, path)
    print(f"{files} files, {len(wanted)} needles, {len(found)} found")
    if args.present:
        for name in wanted.keys() - found.keys():
            print(f"not found: {name}")
        sys.exit(len(found) != len(wanted))
    for name, path in found.items():
        print(f"LEAK: {name} in {path}")
    for line in unreadable:
        print(f"cannot be read: {line}")
    sys.exit(bool(found or unreadable or files == 0))


if __name__ == "__main__":
    main()
