"""Looks at the Debian package as apt and a user would, without installing it.

usage: package_test.py PACKAGE.deb
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

import numpy as np
import openvino as ov
from openvino import opset13 as ops

PROGRAMS = ["strongroom", "strongroom-agent", "strongroom-coordinator", "strongroom-modelserver", "strongroom-simtee",
            "strongroom-webhook"]
FILES = [f"usr/bin/{name}" for name in PROGRAMS] + [
    "usr/share/man/man1/strongroom.1", "usr/share/bash-completion/completions/strongroom",
    "usr/share/doc/strongroom/copyright", "usr/share/doc/strongroom/openvino/LICENSE"]
# Those that copy themselves with their libraries into foreign containers (base/portable_copy.h) look beside themselves;
# where they are installed nothing is there.
BESIDE = "$ORIGIN/strongroom-lib"
RUN_PATHS = {"usr/bin/strongroom-modelserver": "$ORIGIN/../lib/strongroom", "usr/bin/strongroom-agent": BESIDE,
             "usr/bin/strongroom-simtee": BESIDE}
# The C library's own parts, which every package has without naming them twice.
LIBC = {"libc6"}


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, **options).stdout


def check(condition, found, wanted):
    if not condition:
        sys.exit(f"package_test: {found}, wanted {wanted}")


def dependencies(package):
    """Names of the packages that must be there, of alternatives the first."""
    return {re.split(r"[ :(|]", part.strip())[0] for part in run("dpkg-deb", "-f", package, "Depends").split(",")}


def providers(name):
    """The installed packages that are `name` or provide it."""
    listing = run("dpkg-query", "-W", "-f", "${db:Status-Status}\t${Package}\t${Provides}\n")
    found = set()
    for line in listing.splitlines():
        status, package, provides = line.split("\t")
        if status == "installed" and name in {package, *(re.split(r"[ (]", p.strip())[0] for p in provides.split(","))}:
            found.add(package)
    return found


def check_control(package):
    field = lambda name: run("dpkg-deb", "-f", package, name).strip()
    check(field("Package") == "strongroom", f"package {field('Package')}", "strongroom")
    check(field("Architecture") == run("dpkg", "--print-architecture").strip(), field("Architecture"), "this machine's")
    for name in dependencies(package):
        check(providers(name), f"dependency {name} is not installed here", "what the programs were built with")
    for line in run("dpkg-deb", "-c", package).splitlines():
        mode, owner, *_, path = line.split()
        check(owner == "root/root", f"{path} of {owner}", "root/root")
        check(re.fullmatch(r"[-d]rw[-x]r-[-x]r-[-x]", mode), f"{path} has mode {mode}", "writable by root only, no set-id")


def owner_of(library):
    """Names of the packages that a library of the system is in, by the path that dpkg knows."""
    for path in {library, library.resolve(), pathlib.Path("/usr", *library.parts[1:])}:
        found = subprocess.run(["dpkg", "-S", str(path)], capture_output=True, text=True)
        if found.returncode == 0:
            return {line.split(":")[0] for line in found.stdout.splitlines()}
    return set()


def check_libraries(root, binary, named):
    """What `binary` itself wants is in the package or in one that the package depends on."""
    dynamic = run("readelf", "-d", binary)
    run_path = "".join(re.findall(r"\(RU?N?PATH\).*\[(.*)\]", dynamic))
    relative = str(binary.relative_to(root))
    wanted = RUN_PATHS.get(relative, "")
    private = relative.startswith("usr/lib/strongroom/")
    check(run_path == wanted or private and run_path in ("", "$ORIGIN"), f"{relative} has run path \"{run_path}\"", f"\"{wanted}\"")
    resolved = dict(re.findall(r"^\s*(\S+) => (\S+) \(", run("ldd", binary), re.M))
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic):
        if name.startswith("ld-linux"):
            continue
        check(name in resolved, f"{relative} wants {name}, which is nowhere", "it in the package or a dependency")
        path = pathlib.Path(resolved[name])
        if path.resolve().is_relative_to(root.resolve()):
            continue
        check(owner_of(path) & (named | LIBC), f"{relative} wants {path} of {owner_of(path)}", f"it among {sorted(named)}")


def check_programs(root, package):
    version = run("dpkg-deb", "-f", package, "Version").strip()
    for name in PROGRAMS:
        program = root / "usr/bin" / name
        for flag in ("--version", "--help"):
            out = run(program, flag, env={}, cwd="/")
            check(out.strip(), f"{name} {flag} says nothing", "an answer")
            if flag == "--version":
                check(version in out, f"{name} --version says {out.strip()}", version)


def check_serves(root):
    """The packaged model server finds the packaged engine and answers: y = 2 x for x = 21."""
    x = ops.parameter([1], np.float32, name="x")
    model = ov.Model([ops.multiply(x, ops.constant(np.float32(2)), name="y")], [x], "twice")
    folder = root / "models" / "twice" / "1"
    folder.mkdir(parents=True)
    ov.save_model(model, folder / "model.xml", compress_to_fp16=False)
    with subprocess.Popen([root / "usr/bin/strongroom-modelserver", "--insecure_plain", "--address=127.0.0.1", "--port=0",
                           "--model_name=twice", f"--model_base_path={folder.parent}"],
                          env={}, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        said = []
        for line in server.stdout:
            said.append(line)
            port = re.search(r" serving port=(\d+)", line)
            if port:
                break
        else:
            sys.exit(f"package_test: the model server ended: {''.join(said)}")
        body = json.dumps({"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [21]}]}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port[1]}/v2/models/twice/infer", body)
        with urllib.request.urlopen(request, timeout=30) as answer:
            found = json.load(answer)["outputs"][0]["data"]
        server.terminate()
        server.stdout.read()
    check(found == [42], f"twice 21 is {found}", "[42]")
    check(server.returncode == 0, f"model server ended with {server.returncode}", "0")


def main():
    package = pathlib.Path(sys.argv[1])
    check_control(package)
    depends = dependencies(package)
    named = set().union(*map(providers, depends))
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        run("dpkg-deb", "-x", package, root)
        for name in FILES:
            check((root / name).is_file(), f"no {name}", "it in the package")
        binaries = [p for p in sorted(root.rglob("*")) if p.is_file() and p.open("rb").read(4) == b"\x7fELF"]
        check(len(binaries) >= len(PROGRAMS) + 4, f"{len(binaries)} binaries", "the programs and OpenVINO's parts")
        for binary in binaries:
            check_libraries(root, binary, named)
        check_programs(root, package)
        check_serves(root)
    print(f"{package.name}: {len(binaries)} binaries, {package.stat().st_size >> 20} MiB, depends on {', '.join(sorted(depends))}")


if __name__ == "__main__":
    main()
