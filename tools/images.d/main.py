"""Makes the images; tools/images is the way to call it. Prints the paths of the archives, tells of sizes on standard error."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import contents
import oci
import sbom


def version(programs):
    out = subprocess.run([programs / "strongroom-coordinator", "--version"], capture_output=True, text=True, check=True)
    return out.stdout.strip()


def registry(text):
    """A name without a host would be completed by each runtime as it likes."""
    host = text.split("/")[0]
    if "." not in host and ":" not in host and host != "localhost":
        raise argparse.ArgumentTypeError(f'"{text}" names no host, wanted one such as registry.example or registry.example:5000/team')
    return text.rstrip("/")


def arguments():
    parser = argparse.ArgumentParser(prog="tools/images")
    parser.add_argument("-r", dest="registry", default="localhost", type=registry)
    parser.add_argument("-g", dest="tag")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/images"))
    parser.add_argument("names", nargs="*")
    return parser.parse_args()


def main():
    args = arguments()
    programs = pathlib.Path(os.environ["STRONGROOM_BIN"])
    release = version(programs)
    tag = args.tag or release.replace("+", "-")
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    made = contents.images(programs, epoch)
    unknown = sorted(set(args.names) - set(made))
    if unknown:
        sys.exit(f"tools/images: no image {', '.join(unknown)}; there are {', '.join(made)}")
    args.out.mkdir(parents=True, exist_ok=True)
    measurements = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, make in made.items():
            if args.names and name not in args.names:
                continue
            root = pathlib.Path(scratch) / name
            image = make(root)
            measurements.update(image.measurements)
            bill = sbom.document(name, release, root, image.sources, epoch)
            reference = f"{args.registry}/strongroom/{name}:{tag}"
            archive = args.out / f"{name}.tar"
            (args.out / f"{name}.spdx.json").write_bytes(bill)
            digest = oci.write_archive(archive, root, oci.Description(
                reference=reference, title=f"strongroom {name}", summary=image.summary, version=release, epoch=epoch,
                revision=os.environ.get("STRONGROOM_REVISION", ""), entrypoint=image.entrypoint, bill_of_materials=bill))
            size = sum(p.lstat().st_size for p in root.rglob("*") if p.is_file() and not p.is_symlink())
            print(f"{reference:<48} {size / 1e6:6.1f} MB  {digest}", file=sys.stderr)
            print(archive.resolve(), flush=True)
    known = args.out / "measurements.json"
    before = json.loads(known.read_text()) if args.names and known.exists() else {}
    known.write_text(json.dumps(before | measurements, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
