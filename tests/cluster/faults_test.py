"""What must not come up, and what must come up late: changed programs, a coordinator that is away, wrong certificates."""

import contextlib
import json
import pathlib
import re
import tarfile
import tempfile
import unittest

from cluster import run, wait_until
from product import BIN, CHARTS, IMAGES, image_tag, measurement, world

SERVING = CHARTS / "strongroom-serving"
SIMULATED = CHARTS / "strongroom/files/simulated-coordinator.json"
# Exit statuses: the software TEE's, when it does not start something, and the agent's, when it is refused.
NOT_STARTED, REFUSED = 125, 123
OTHER_CODE = (r"strongroom-simtee: untrusted: /etc/strongroom/launch/modelserver\.json\.sig is for MRENCLAVE [0-9a-f]{64}, "
              r"what would run has [0-9a-f]{64}: sign it again, or undo the change")


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

    def refusal(self, pod, wanted, exit_code):
        """Waits for the reason, a pattern, in the pod's log, and looks for it where else an operator may: in the pod's status,
        as `kubectl describe pod` shows it, and in its events. The pod's log."""
        log = wait_until(f"the reason: {wanted}", lambda: said(self.lab, pod, wanted), 120)
        ended = wait_until("the status of a container that ended", lambda: last_end(self.lab.get("pod", pod, "-n", "models")))
        self.assertEqual(ended["exitCode"], exit_code)
        self.assertRegex(ended["message"], wanted)
        conditions = {c["type"]: c["status"] for c in self.lab.get("pod", pod, "-n", "models")["status"]["conditions"]}
        self.assertEqual(conditions["Ready"], "False")
        wait_until("an event that tells of it", lambda: "BackOff: Back-off restarting failed container modelserver" in self.lab.events(pod, "models"), 120)
        return log

    def audit_log(self):
        """`strongroom log` as the owner reads it, who reaches the coordinator in the cluster and verifies it on the way."""
        owner = self.world.owner.folder
        return run(BIN / "strongroom", "log", "-n", "strongroom", "--kube-context", self.lab.kubectl("config", "current-context").strip(),
                   "--identity", SIMULATED, "-c", owner / "owner.crt", "-k", owner / "owner.key",
                   env={**self.lab.environment, "HOME": str(self.world.folder)})

    def test_a_changed_byte_breaks_the_signature_and_the_pod_says_so(self):
        with self.serving("changed", lambda root: change_last_byte(root / "usr/bin/strongroom-modelserver")) as pod:
            log = self.refusal(pod, OTHER_CODE, NOT_STARTED)
            self.assertNotIn(re.search("would run has ([0-9a-f]{64})", log)[1], self.audit_log())  # it never came to the coordinator

    def test_a_changed_byte_without_a_signature_is_refused_by_the_coordinator(self):
        def change(root):
            change_last_byte(root / "usr/bin/strongroom-modelserver")
            for signature in (root / "etc/strongroom/launch").glob("*.sig"):
                signature.unlink()
        reason = rf"evidence refused: MRENCLAVE [0-9a-f]{{64}}, wanted {measurement('modelserver')} \[package\.unique-id\]"
        with self.serving("unsigned", change) as pod:
            log = self.refusal(pod, rf'error activation refused error="/strongroom\.v1\.Coordinator/Activate: PERMISSION_DENIED: {reason}" kind=denied',
                               REFUSED)
            found = re.search(r"MRENCLAVE ([0-9a-f]{64}), wanted", log)[1]
            with self.subTest("the coordinator's log"):
                coordinator = [json.loads(line) for line in self.lab.logs("deployment/strongroom-coordinator", "strongroom").splitlines()
                               if "activation refused" in line]
                self.assertRegex(coordinator[-1]["error"], reason)
            with self.subTest("strongroom log"):
                refused = [line for line in self.audit_log().splitlines() if " activation-refused " in line]
                self.assertRegex(refused[-1], reason)
                self.assertIn(found, refused[-1])

    def test_the_audit_log_tells_who_was_admitted(self):
        [pod] = self.world.pods()
        log = self.lab.logs(pod["metadata"]["name"], "models")
        uuid = re.search(r"info activating marble=modelserver uuid=(\S+)", log)[1]
        wanted = f" activated marble=modelserver uuid={uuid} dialect=strongroom mrenclave={measurement('modelserver')} "
        self.assertEqual(len([line for line in self.audit_log().splitlines() if wanted in line]), 1)

    def test_other_arguments_are_refused(self):
        def change(root):
            file = root / "etc/strongroom/launch/agent.json"
            config = json.loads(file.read_text())
            config["argv"].append("--port=8501")
            file.chmod(0o644)
            file.write_text(json.dumps(config))
        with self.serving("arguments", change) as pod:
            self.refusal(pod, OTHER_CODE, NOT_STARTED)


def said(lab, pod, wanted):
    """The pod's log, of this start or the one before, when it has the pattern `wanted`."""
    for words in ((), ("--previous",)):
        with contextlib.suppress(RuntimeError):
            log = lab.logs(pod, "models", "--all-containers", *words)
            if re.search(wanted, log):
                return log
    return None


def last_end(pod):
    """How the model server's container ended last; None before it did."""
    status = pod["status"].get("containerStatuses", [{}])[0]
    return status.get("state", {}).get("terminated") or status.get("lastState", {}).get("terminated")


class CoordinatorAway(unittest.TestCase):
    def test_a_model_server_that_finds_no_coordinator_waits_and_then_serves(self):
        here = world(self.lab)
        here.serve()
        here.scale(0, "strongroom-coordinator", "strongroom")
        try:
            self.lab.kubectl("scale", "deployment", "digits", "-n", "models", "--replicas=2")
            pod = wait_until("the second pod", lambda: [p for p in here.pods() if not is_ready(p)])[0]["metadata"]["name"]
            wait_until("it says what it waits for", lambda: said(self.lab, pod, "warn coordinator not reachable, trying again error="), 60)
            self.assertFalse(is_ready(self.lab.get("pod", pod, "-n", "models")))
        finally:
            here.scale(1, "strongroom-coordinator", "strongroom")
        here.scale(2)
        here.scale(1)


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
