"""What must not come up, and what must come up late: changed programs, a coordinator that is away, wrong certificates."""

import contextlib
import json
import pathlib
import tarfile
import tempfile
import unittest

from cluster import wait_until
from product import CHARTS, IMAGES, image_tag, world

SERVING = CHARTS / "strongroom-serving"


@contextlib.contextmanager
def unpacked(name):
    """The file system of one of our images, in a folder."""
    with tempfile.TemporaryDirectory(prefix="strongroom-image-") as folder, tarfile.open(IMAGES / f"{name}.tar") as archive:
        def blob(descriptor):
            return archive.extractfile("blobs/" + descriptor["digest"].replace(":", "/"))
        manifest = json.load(blob(json.load(archive.extractfile("index.json"))["manifests"][0]))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=blob(layer)) as tree:
                tree.extractall(folder, filter="fully_trusted") if hasattr(tarfile, "data_filter") else tree.extractall(folder)
        yield pathlib.Path(folder)


def change_last_byte(file):
    """One byte of the section table, which nothing reads at run time: the program still runs, and is another."""
    file.chmod(0o755)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


class ChangedProgram(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = world(cls.lab)
        cls.world.serve()

    @contextlib.contextmanager
    def serving(self, name, change):
        """A release of the serving chart whose image's files went through `change`; yields the name of its pod."""
        with unpacked("modelserver") as root:
            change(root)
            archive = self.world.folder / f"{name}.tar"
            self.lab.command("image", f"localhost/strongroom/{name}:{image_tag()}", archive, root, "/usr/bin/strongroom-agent", "run")
        self.lab.load(archive)
        settings = {"model.pvc.claimName": "models", "modelserver.image.repository": f"strongroom/{name}",
                    "modelserver.resources.requests.cpu": "100m"}
        words = [word for pair in settings.items() for word in ("--set", "=".join(pair))]
        try:
            self.lab.helm(4, "install", name, SERVING, "-n", "models", "--set", f"image.tag={image_tag()}", "--set", "tee.class=sim", *words)
            pods = wait_until("its pod", lambda: self.world.pods(selector=f"app.kubernetes.io/instance={name}"))
            yield pods[0]["metadata"]["name"]
        finally:
            self.lab.helm(4, "uninstall", name, "-n", "models", "--wait", "--timeout", "120s")

    def refusal(self, pod, wanted):
        """Waits for the reason in the pod's log; the pod must not be ready, and its events must lead an operator there."""
        log = wait_until(f"the reason: {wanted}", lambda: said(self.lab, pod, wanted), 120)
        conditions = {c["type"]: c["status"] for c in self.lab.get("pod", pod, "-n", "models")["status"]["conditions"]}
        self.assertEqual(conditions["Ready"], "False")
        return log

    def test_a_changed_byte_breaks_the_signature_and_the_pod_says_so(self):
        with self.serving("changed", lambda root: change_last_byte(root / "usr/bin/strongroom-modelserver")) as pod:
            self.refusal(pod, "untrusted")
            wait_until("an event that tells of it", lambda: "BackOff" in self.lab.events(pod, "models"), 120)

    def test_a_changed_byte_without_a_signature_is_refused_by_the_coordinator(self):
        def change(root):
            change_last_byte(root / "usr/bin/strongroom-modelserver")
            for signature in (root / "etc/strongroom/launch").glob("*.sig"):
                signature.unlink()
        with self.serving("unsigned", change) as pod:
            log = self.refusal(pod, "permission|denied")
            print("   " + next(line for line in log.splitlines() if "denied" in line.lower())[:200])
            coordinator = self.lab.logs("deployment/strongroom-coordinator", "strongroom")
            self.assertRegex(coordinator, "(?i)denied|refused")

    def test_other_arguments_are_refused(self):
        def change(root):
            file = root / "etc/strongroom/launch/agent.json"
            config = json.loads(file.read_text())
            config["argv"].append("--port=8501")
            file.chmod(0o644)
            file.write_text(json.dumps(config))
        with self.serving("arguments", change) as pod:
            self.refusal(pod, "untrusted|denied")


def said(lab, pod, wanted):
    """The pod's log, of this start or the one before, when it says `wanted`."""
    for words in ((), ("--previous",)):
        with contextlib.suppress(RuntimeError):
            log = lab.logs(pod, "models", "--all-containers", *words)
            if any(word in log.lower() for word in wanted.split("|")):
                return log
    return None


class CoordinatorAway(unittest.TestCase):
    def test_a_model_server_that_finds_no_coordinator_waits_and_then_serves(self):
        here = world(self.lab)
        here.serve()
        here.scale(0, "strongroom-coordinator", "strongroom")
        try:
            self.lab.kubectl("scale", "deployment", "digits", "-n", "models", "--replicas=2")
            pod = wait_until("the second pod", lambda: [p for p in here.pods() if not is_ready(p)])[0]["metadata"]["name"]
            wait_until("it says what it waits for", lambda: said(self.lab, pod, "coordinator"), 60)
            self.assertFalse(is_ready(self.lab.get("pod", pod, "-n", "models")))
        finally:
            here.scale(1, "strongroom-coordinator", "strongroom")
        here.scale(2)
        here.scale(1)


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
