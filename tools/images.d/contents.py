"""What is in each image."""
import dataclasses
import json
import pathlib
import re
import shutil
import subprocess

import launch

LIBRARIES = "lib/x86_64-linux-gnu"  # the loader's first default folder
ENGINE = "usr/lib/strongroom"       # the model server's run path: ../lib/strongroom
USER = 65532
AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"


@dataclasses.dataclass
class Image:
    summary: str
    entrypoint: list
    sources: dict  # path in the image → file it was copied from
    measurements: dict = dataclasses.field(default_factory=dict)  # role → MRENCLAVE, in simulation


class Root:
    """An image's file system while it is made."""

    def __init__(self, folder):
        self.folder, self.sources = folder, {}
        self.write("etc/passwd", f"root:x:0:0:root:/:/none\nstrongroom:x:{USER}:{USER}:strongroom:/:/none\n")
        self.write("etc/group", f"root:x:0:\nstrongroom:x:{USER}:\n")
        self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n")
        self.copy("/" + AUTHORITIES, AUTHORITIES)

    def write(self, path, text):
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def make_folder(self, path):
        (self.folder / path).mkdir(parents=True, exist_ok=True)

    def copy(self, source, path, mode=0o444):
        """A file, whatever links lead to it."""
        target = self.folder / path
        if target.exists():
            return
        real = pathlib.Path(source).resolve(strict=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(real, target)
        target.chmod(mode | 0o200)
        self.sources[path] = str(real)

    def add_program(self, program):
        """A program of ours without its symbols, its libraries and its loader."""
        path = f"usr/bin/{program.name}"
        self.copy(program, path, 0o555)
        subprocess.run(["strip", "--strip-all", self.folder / path], check=True)
        self.add_libraries(program)

    def add_libraries(self, elf):
        for name, source in closure(elf):
            if name.startswith("ld-linux"):
                self.copy(source, f"lib64/{name}", 0o555)
            else:
                in_engine = pathlib.Path(source).parent.name == "strongroom"
                self.copy(source, f"{ENGINE if in_engine else LIBRARIES}/{name}", 0o555)

    def add_plugin(self, library):
        self.copy(library, f"{ENGINE}/{library.name}", 0o555)
        self.add_libraries(library)


def closure(elf):
    """(name, path) of every library that the loader maps for `elf`, itself too."""
    out = subprocess.run(["ldd", elf], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        if "not found" in line:
            raise SystemExit(f"tools/images: {elf}: {line.strip()}")
        if found := re.search(r"(?:=> )?(/\S+) \(0x", line):
            yield pathlib.Path(found[1]).name, found[1]


def engine(programs):
    """The libraries that OpenVINO opens by name: for CPUs, for its own format and ONNX."""
    folder = programs.parent / "lib/strongroom"
    wanted = ("libopenvino_intel_cpu_plugin.so", "libopenvino_ir_frontend.so", "libopenvino_onnx_frontend.so")
    found = [sorted(folder.glob(f"{name}*")) for name in wanted]
    if not all(found):
        raise SystemExit(f"tools/images: {folder} lacks one of {', '.join(wanted)}")
    return [path for paths in found for path in paths]


def measurements(identities):
    return {role: identity["UniqueID"] for role, identity in identities.items()}


def images(programs, epoch):
    """Name → what makes that image in a folder. Those whose program is not built are left out."""
    simtee = programs / "strongroom-simtee"

    def plain(name, summary):
        def make(folder):
            root = Root(folder)
            root.add_program(programs / name)
            return Image(summary, [f"/usr/bin/{name}"], root.sources)
        return make

    def coordinator(folder):
        root = Root(folder)
        root.add_program(programs / "strongroom-coordinator")
        root.make_folder("coordinator/data")
        identity = launch.write_coordinator(root, simtee, epoch)
        return Image("Holds the manifest, verifies workloads, releases secrets.", ["/usr/bin/strongroom-coordinator"],
                     root.sources, measurements({"coordinator": identity}))

    def modelserver(folder):
        root = Root(folder)
        root.add_program(programs / "strongroom-agent")
        root.add_program(programs / "strongroom-modelserver")
        plugins = engine(programs)
        for plugin in plugins:
            root.add_plugin(plugin)
        root.make_folder("models")
        identities = launch.write_modelserver(root, simtee, epoch, [f"/{ENGINE}/{p.name}" for p in plugins])
        return Image("Inference on confidential models, with the agent that gets their keys.",
                     ["/usr/bin/strongroom-agent", "run"], root.sources, measurements(identities))

    def agent(folder):
        root = Root(folder)
        root.add_program(programs / "strongroom-agent")
        root.make_folder("run/strongroom")
        identities = launch.write_agent(root, simtee, epoch)
        return Image("Attests a workload and hands it its secrets: before it, beside it, or copied into its container.",
                     ["/usr/bin/strongroom-agent"], root.sources, measurements(identities))

    return {
        "coordinator": coordinator,
        "agent": agent,
        "modelserver": modelserver,
        "simtee": plain("strongroom-simtee", "A software TEE for tests: its root says TEST, it proves nothing."),
        "cli": plain("strongroom", "The command line of owners, operators and clients."),
        "webhook": plain("strongroom-webhook", "Admission: injects the agent and TEE resources into pods."),
    }
