"""How the agent comes into pods that this project did not write: by the webhook, in front of a program, before or beside it."""

import contextlib
import json
import unittest

import numpy as np

from cluster import restricted_pod, run, wait_until
from product import CHARTS, install, measurement, settings, world

FOLDER = "/run/strongroom"  # where the agent lays out what the manifest gives


def deployment(name, mode, marble, *command, **container):
    """Somebody's Deployment of a BusyBox, with nothing of ours but the labels."""
    pod = restricted_pod(name, *command, container=container)
    pod["spec"] |= {"restartPolicy": "Always", "terminationGracePeriodSeconds": 5}
    labels = {"app": name, "strongroom.dev/marble": marble, "strongroom.dev/mode": mode, "strongroom.dev/tee": "sim"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": labels}, "spec": pod["spec"]}}}


class Injected(unittest.TestCase):
    """The chart of model servers, which leaves the agent to the webhook."""

    def test_an_injected_model_server_attests_and_serves(self):
        here = world(self.lab)
        here.serve()
        release = "injected"
        install(self.lab, 4, "--set", "model.pvc.claimName=models", "--set", "agent.mode=injected",
                chart="strongroom-serving", release=release, namespace="models")
        try:
            [pod] = here.pods(selector=f"app.kubernetes.io/instance={release}")
            main = pod["spec"]["containers"][0]
            rendered = self.lab.helm(4, "template", release, CHARTS / "strongroom-serving",
                                     *settings("strongroom-serving", "agent.mode=injected", "model.pvc.claimName=models"))
            self.assertNotIn("strongroom-simtee", rendered, "control: the chart itself starts no simulation")
            self.assertEqual(main["command"][0], "/strongroom-sim/strongroom-simtee")
            [entry] = here.activations(pod)
            self.assertEqual((entry["marble"], entry["mrenclave"]), ("modelserver", measurement("modelserver")))
            out, plain = here.client.folder / "injected.npy", np.load(here.client.folder / "probabilities.npy")
            here.ask(f"{release}.models.svc.cluster.local:8500", "-o", out, on_node=True)
            np.testing.assert_array_equal(np.load(out), plain)
        finally:
            self.lab.helm(4, "uninstall", release, "-n", "models", "--wait", "--timeout", "120s")


class Files(unittest.TestCase):
    """Modes init and sidecar: other people's programs that read files."""

    @classmethod
    def setUpClass(cls):
        cls.world = world(cls.lab)
        cls.world.hand_over_keys()
        cls.enterClassContext(cls.lab.namespace("apps", enforce="restricted"))

    @contextlib.contextmanager
    def running(self, *words, **more):
        """The pod of a Deployment, once there is one."""
        wanted = deployment(*words, **more)
        name = wanted["metadata"]["name"]
        self.lab.apply(wanted, namespace="apps")
        try:
            yield wait_until("its pod", lambda: self.lab.get("pods", "-n", "apps", "-l", f"app={name}")["items"])[0]
        finally:
            self.lab.kubectl("delete", "deployment", name, "-n", "apps", "--cascade=foreground", "--timeout=60s")

    def read(self, pod, file):
        return self.lab.kubectl("exec", "-n", "apps", pod, "-c", "main", "--", "cat", f"{FOLDER}/{file}")

    def check_files(self, pod):
        """That the workload has the owner's secret, and a certificate of this pod under the mesh's root with its key."""
        name = pod["metadata"]["name"]
        self.assertEqual(self.read(name, "token"), self.world.owner.read("token"))
        folder = self.world.folder / name
        folder.mkdir()
        for file in ("tls.crt", "tls.key", "root.crt"):
            (folder / file).write_text(self.read(name, file))
        self.assertEqual((folder / "root.crt").read_text().split(), self.world.client.read("root.crt").split())
        run("openssl", "verify", "-CAfile", folder / "root.crt", "-untrusted", folder / "tls.crt", folder / "tls.crt")
        self.assertIn(pod["metadata"]["uid"], run("openssl", "x509", "-in", folder / "tls.crt", "-noout", "-subject"))
        self.assertEqual(run("openssl", "x509", "-in", folder / "tls.crt", "-noout", "-pubkey"),
                         run("openssl", "pkey", "-in", folder / "tls.key", "-pubout"))
        said = self.lab.refused("exec", "-n", "apps", name, "-c", "main", "--", "touch", f"{FOLDER}/mine")
        self.assertIn("Read-only file system", said)

    def check_activation(self, pod, marble, role):
        [entry] = self.world.activations(pod)
        self.assertEqual((entry["marble"], entry["mrenclave"]), (marble, measurement(role)))

    def test_mode_init_lays_secrets_out_before_a_foreign_program_starts(self):
        with self.running("before", "init", "before", "sh", "-c", f"cat {FOLDER}/token && exec sleep 600") as pod:
            name = pod["metadata"]["name"]
            self.lab.wait_ready(name, "apps", 120)
            self.assertEqual(self.lab.logs(name, "apps", "-c", "main"), self.world.owner.read("token"), "there from the first moment")
            self.check_files(pod)
            self.check_activation(pod, "before", "agent-init")
            states = {s["name"]: s["state"] for s in self.lab.get("pod", name, "-n", "apps")["status"]["initContainerStatuses"]}
            self.assertEqual(states["strongroom-agent"]["terminated"]["exitCode"], 0)

    def test_mode_sidecar_lays_them_out_first_and_stays(self):
        with self.running("beside", "sidecar", "beside", "sh", "-c", f"cat {FOLDER}/token && exec sleep 600") as pod:
            name = pod["metadata"]["name"]
            self.lab.wait_ready(name, "apps", 120)
            self.assertEqual(self.lab.logs(name, "apps", "-c", "main"), self.world.owner.read("token"), "it waited for the sidecar")
            self.check_files(pod)
            self.check_activation(pod, "beside", "agent-sidecar")
            states = {s["name"]: s for s in self.lab.get("pod", name, "-n", "apps")["status"]["initContainerStatuses"]}
            self.assertTrue(states["strongroom-agent"]["started"])
            self.assertIn("running", states["strongroom-agent"]["state"])

    def refusal(self, mode, marble):
        """The agent's last words and exit status where it ends before the workload starts."""
        with self.running(f"{marble}-{mode}", mode, marble, "sleep", "600") as pod:
            name = pod["metadata"]["name"]

            def ended():
                """The whole log of a run that ended, and its exit status: kubelet starts the next one at any moment."""
                agent = self.agent_status(name)
                over = "terminated" in agent["state"]
                state = agent["state" if over else "lastState"].get("terminated")
                log = state and self.lab.logs(name, "apps", "-c", "strongroom-agent", *([] if over else ["--previous"]))
                return log and self.agent_status(name) == agent and (log, state["exitCode"])
            found = wait_until("the agent ended", ended, 120)
            [main] = self.lab.get("pod", name, "-n", "apps")["status"]["containerStatuses"]
            self.assertFalse(main.get("started"), "the workload did not start")
            return found

    def agent_status(self, pod):
        statuses = self.lab.get("pod", pod, "-n", "apps")["status"].get("initContainerStatuses", [])
        return next((s for s in statuses if s["name"] == "strongroom-agent"), {"state": {}, "lastState": {}})

    def test_a_marble_of_another_measurement_gets_nothing(self):
        log, status = self.refusal("init", "beside")
        self.assertEqual(status, 123, log)
        self.assertRegex(log, "(?i)activation refused.*mrenclave")

    def test_a_secret_is_not_laid_out_outside_of_memory(self):
        log, status = self.refusal("init", "astray")
        self.assertEqual(status, 125, log)
        self.assertIn("tmpfs", log)

    def test_what_cannot_become_a_file_is_refused(self):
        log, status = self.refusal("sidecar", "models-beside")
        self.assertEqual(status, 120, log)
        self.assertIn("gives this marble models", log)

    def test_what_no_mode_can_do_is_refused_with_words(self):
        def said(mode, **container):
            return self.lab.apply_refused(deployment_pod("refused", mode, **container), namespace="apps")
        self.assertIn("wanted one of launcher, init, sidecar", said("before"))
        self.assertIn("has args and no command", said("launcher", command=[], args=["600"]))
        writable = {"readOnlyRootFilesystem": False, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        self.assertIn("wanted read-only", said("launcher", securityContext=writable))
        elsewhere = [{"name": "own", "mountPath": FOLDER}]
        self.assertIn("mounts the volume", said("init", volumeMounts=elsewhere))


def deployment_pod(name, mode, **container):
    """A pod as that Deployment would make it, to see the answer at once."""
    template = deployment(name, mode, "before", "sleep", "600", **container)["spec"]["template"]
    spec = template["spec"] | {"volumes": [{"name": "own", "emptyDir": {}}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **template["metadata"]}, "spec": spec}


if __name__ == "__main__":
    unittest.main()
