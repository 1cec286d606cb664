"""Our images in pods of the restricted standard, in simulation: what starts, what is refused, and where one reads why."""

import json
import os
import pathlib
import tempfile
import unittest

from cluster import BUSYBOX, SOURCE, restricted_pod, run, wait_until
from product import image_tag, load_images, measurement

BIN = pathlib.Path(os.environ.get("STRONGROOM_BIN", SOURCE / "build/dev/bin"))
NAMESPACE = "images"
SIMTEE = ["/strongroom-sim/strongroom-simtee"]


def image(name):
    return f"localhost/strongroom/{name}:{image_tag()}"


def service(name, port):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": name}, "ports": [{"port": port}]}}


def copied(name, folder, secure):
    """An init container that puts a program of ours into an empty volume."""
    return {"name": name, "image": image(name), "imagePullPolicy": "Never", "args": ["copy", folder],
            "securityContext": secure, "volumeMounts": [{"name": name, "mountPath": folder}]}


def simulated(name, launch, own_image, environment=(), mounts=(), volumes=(), agent=False):
    """A pod whose one container runs under simtee in its own root; `mounts`, `volumes`: besides the simulator's."""
    pod = restricted_pod(name, container={
        "image": own_image, "command": SIMTEE, "args": ["run", "--root=container", "--well-known-world", "--launch", launch],
        "env": [{"name": key, "value": value} for key, value in environment],
        "volumeMounts": [{"name": "simtee", "mountPath": "/strongroom-sim", "readOnly": True}, *mounts]})
    secure = pod["spec"]["containers"][0]["securityContext"]
    pod["spec"]["initContainers"] = [copied("simtee", "/strongroom-sim", secure)]
    pod["spec"]["volumes"] = [{"name": "simtee", "emptyDir": {}}, *volumes]
    pod["spec"] |= {"enableServiceLinks": False, "automountServiceAccountToken": False}
    if agent:
        pod["spec"]["initContainers"].append(copied("agent", "/strongroom-agent", secure))
        pod["spec"]["volumes"].append({"name": "agent", "emptyDir": {}})
        pod["spec"]["containers"][0]["volumeMounts"].append({"name": "agent", "mountPath": "/strongroom-agent", "readOnly": True})
    return pod


def coordinator(name="coordinator", **more):
    return simulated(name, "/etc/strongroom/launch/coordinator.json", image("coordinator"), environment=[
        ("EDG_COORDINATOR_PROMETHEUS_ADDR", ":9090"), ("STRONGROOM_PCCS_URL", f"http://pccs.{NAMESPACE}:8081"),
        ("EDG_COORDINATOR_DNS_NAMES", "localhost,coordinator")],
        mounts=[{"name": "state", "mountPath": "/coordinator/data"}], volumes=[{"name": "state", "emptyDir": {}}], **more)


class Images(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        load_images(cls.lab)
        cls.namespace = cls.enterClassContext(cls.lab.namespace(NAMESPACE, enforce="restricted"))
        pccs = restricted_pod("pccs", container={"image": image("simtee"), "command": None,
                                                 "args": ["pccs", "--well-known-world", "--listen", "0.0.0.0:8081"]})
        first = coordinator()
        first["spec"]["containers"][0]["readinessProbe"] = {"httpGet": {"path": "/healthz", "port": 9090}, "periodSeconds": 1}
        cls.lab.apply(pccs, service("pccs", 8081), first, service("coordinator", 2001), namespace=NAMESPACE)
        cls.lab.wait_ready("coordinator", NAMESPACE)

    def log_of_ended(self, pod):
        """The log of a pod that ends by itself, and its exit status."""
        def ended():
            statuses = self.lab.get("pod", pod, "-n", NAMESPACE)["status"].get("containerStatuses", [{}])
            return statuses[0].get("state", {}).get("terminated")
        state = wait_until(f"pod {pod} ended", ended)
        return self.lab.logs(pod, NAMESPACE, "-c", "main"), state["exitCode"]

    def test_a_coordinator_under_pod_security_restricted_has_the_measurement_that_its_image_was_given(self):
        log = self.lab.logs("coordinator", NAMESPACE, "-c", "main")
        self.assertIn(f"mrenclave={measurement('coordinator')}", log)
        self.assertIn("root=container", log)
        self.assertIn("Ready to accept a manifest", log)

    def test_a_root_that_can_be_written_is_refused_and_the_log_says_so(self):
        pod = coordinator("open")
        pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] = False
        self.lab.apply(pod, namespace=NAMESPACE)
        log, status = self.log_of_ended("open")
        self.assertEqual(status, 125)
        self.assertIn("lies on a mount that can be written, wanted a read-only one", log)

    def test_there_is_no_shell_to_exec(self):
        said = self.lab.refused("exec", "-n", NAMESPACE, "coordinator", "-c", "main", "--", "sh", "-c", "true")
        self.assertIn("executable file not found", said)

    def test_an_agent_in_somebody_elses_image_attests_and_starts_the_program_there(self):
        root = json.loads(run(BIN / "strongroom-simtee", "measure", "--json", "--well-known-world", "--", "/bin/true"))["TrustAnchor"]
        signer = self.signer()
        configuration = {"format": "strongroom-agent/1", "kind": "foreign", "program": "/bin/busybox",
                         "argv": ["busybox", "echo", "the program runs"], "coordinator": {
                             "mrsigner": signer, "product_id": 1, "security_version": 1, "trust_anchors": [root],
                             "accept_any_manifest": True}}
        launch = {"format": "strongroom-launch/1", "program": "/strongroom-agent/strongroom-agent",
                  "argv": ["strongroom-agent", "run", "--config", "/etc/strongroom/agent.json"], "programs": ["/bin/busybox"],
                  "host_env": ["EDG_MARBLE_COORDINATOR_ADDR", "EDG_MARBLE_TYPE"], "files": ["/etc/strongroom/agent.json"]}
        self.lab.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "data": {
            "agent.json": json.dumps(configuration), "launch.json": json.dumps(launch)}}, namespace=NAMESPACE)

        log, _ = self.run_foreign("stranger")
        self.assertIn("no manifest is in force", log)
        measured = log.split("mrenclave=")[1].split()[0]
        self.set_manifest({"Packages": {"app": {"UniqueID": measured, "TrustAnchors": [root]}},
                           "Marbles": {"app": {"Package": "app"}}})
        log, status = self.run_foreign("friend")
        self.assertEqual((status, "the program runs" in log), (0, True), log)

    def signer(self):
        log = self.lab.logs("coordinator", NAMESPACE, "-c", "main")
        return log.split("mrsigner=")[1].split()[0]

    def run_foreign(self, name):
        self.lab.apply(simulated(
            name, "/etc/strongroom/launch.json", BUSYBOX, agent=True,
            environment=[("EDG_MARBLE_COORDINATOR_ADDR", "coordinator:2001"), ("EDG_MARBLE_TYPE", "app")],
            mounts=[{"name": "config", "mountPath": "/etc/strongroom", "readOnly": True}],
            volumes=[{"name": "config", "configMap": {"name": "app"}}]), namespace=NAMESPACE)
        return self.log_of_ended(name)

    def set_manifest(self, manifest):
        with tempfile.TemporaryDirectory() as home, self.lab.port_forward("pod/coordinator", 4433, NAMESPACE) as port, \
                self.lab.port_forward("pod/pccs", 8081, NAMESPACE) as pccs:
            pathlib.Path(home, "manifest.json").write_text(json.dumps(manifest))
            anchor = manifest["Packages"]["app"]["TrustAnchors"][0]
            place, environment = f"localhost:{port}", {"HOME": home, "PATH": "/usr/bin:/bin"}
            run(BIN / "strongroom", "verify", place, "--mrenclave", measurement("coordinator"), "--trust-anchor", anchor,
                "--pccs-url", f"http://localhost:{pccs}", env=environment)
            run(BIN / "strongroom", "manifest", "set", f"{home}/manifest.json", place, env=environment)


if __name__ == "__main__":
    unittest.main()
