"""The webhook that the chart installs: that it works there, and what happens while it is away or its certificate is bad."""

import json
import unittest

from cluster import restricted_pod, run, wait_until
from product import CHARTS, install, world

OURS = {"strongroom.dev/marble": "modelserver", "strongroom.dev/container": "main", "strongroom.dev/mode": "launcher",
        "strongroom.dev/tee": "sim"}


def labelled(name, labels, **spec):
    pod = restricted_pod(name, "/bin/sleep", "600", **spec)
    pod["metadata"]["labels"] |= labels
    return pod


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = world(cls.lab)
        cls.world.install()
        cls.enterClassContext(cls.lab.namespace("marbles", enforce="restricted"))

    def create(self, pod, namespace="marbles"):
        """The pod as the API server would store it."""
        return json.loads(self.lab.kubectl("create", "--dry-run=server", "-n", namespace, "-o", "json", "-f", "-", stdin=json.dumps(pod)))

    def refused(self, pod, namespace="marbles"):
        return self.lab.refused("create", "--dry-run=server", "-n", namespace, "-f", "-", stdin=json.dumps(pod))

    def test_a_labelled_pod_gets_the_agent_under_the_software_tee_and_stays_restricted(self):
        stored = self.create(labelled("ours", OURS))
        main = stored["spec"]["containers"][0]
        words = " ".join(main["command"] + main.get("args", []))
        self.assertIn("strongroom-simtee run", words)
        variables = {e["name"] for e in main["env"]}
        self.assertLessEqual({"EDG_MARBLE_COORDINATOR_ADDR", "EDG_MARBLE_TYPE"}, variables)
        self.assertTrue(any("simtee" in c["image"] for c in stored["spec"]["initContainers"]))

    def test_a_pod_without_the_label_is_left_alone(self):
        pod = restricted_pod("plain", "/bin/sleep", "600")
        self.assertEqual(self.create(pod)["spec"]["containers"][0]["command"], ["/bin/sleep", "600"])
        self.assertNotIn("initContainers", self.create(pod)["spec"])

    def test_marbleruns_labels_do_what_its_injector_does(self):
        stored = self.create(labelled("theirs", {"marblerun/marbletype": "Web", "marblerun/marblecontainer": "main"}))
        main = stored["spec"]["containers"][0]
        self.assertEqual({e["name"]: e["value"] for e in main["env"]}, {
            "EDG_MARBLE_COORDINATOR_ADDR": "coordinator-mesh-api.strongroom.svc.cluster.local:2001", "EDG_MARBLE_TYPE": "Web",
            "EDG_MARBLE_DNS_NAMES": "web,web.marbles,web.marbles.svc.cluster.local", "EDG_MARBLE_UUID_FILE": "/Web-uid/uuid-file"})
        self.assertEqual({k: v for k, v in main["resources"]["limits"].items() if "sgx" in k},
                         {"sgx.intel.com/epc": "10Mi", "sgx.intel.com/enclave": "1", "sgx.intel.com/provision": "1"})
        self.assertIn({"key": "sgx.intel.com/epc", "operator": "Exists", "effect": "NoSchedule"}, stored["spec"]["tolerations"])
        mount = next(m for m in main["volumeMounts"] if m["mountPath"].rstrip("/") == "/Web-uid")
        volume = next(v for v in stored["spec"]["volumes"] if v["name"] == mount["name"])
        self.assertEqual(volume["downwardAPI"]["items"], [{"path": "uuid-file", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.uid"}}])

    def test_marbleruns_labels_without_resources_ask_for_none(self):
        labels = {"marblerun/marbletype": "web", "marblerun/resource-injection": "disabled"}
        self.assertNotIn("limits", self.create(labelled("theirs", labels))["spec"]["containers"][0]["resources"])

    def test_the_final_state_is_checked_even_without_the_webhook(self):
        pod = labelled("wrong", {"strongroom.dev/explicit-marble": "modelserver", "strongroom.dev/tee": "snp"})
        self.assertIn("runtimeClassName", self.refused(pod))

    def test_no_ephemeral_container_comes_into_a_marble(self):
        marble = labelled("marble", {"strongroom.dev/explicit-marble": "modelserver", "strongroom.dev/tee": "sim"})
        self.lab.apply(marble, namespace="marbles")
        self.lab.wait_ready("marble", "marbles")
        peek = {**marble["spec"]["containers"][0], "name": "peek"}  # nothing that Pod Security minds
        patch = {"spec": {"ephemeralContainers": [peek]}}
        said = self.lab.refused("patch", "pod", "marble", "-n", "marbles", "--subresource=ephemeralcontainers", "-p", json.dumps(patch))
        self.assertIn("ephemeral", said)
        self.lab.kubectl("delete", "pod", "marble", "-n", "marbles", "--now")

    def test_an_injected_sgx_pod_waits_for_enclave_memory_and_gets_it(self):
        pod = labelled("enclave", {"marblerun/marbletype": "web"})
        resources = {"sgx.intel.com/epc": "64Mi", "sgx.intel.com/enclave": "20", "sgx.intel.com/provision": "20"}
        self.lab.apply(pod, namespace="marbles")
        wait_until("the scheduler's reason", lambda: "Insufficient sgx.intel.com" in self.lab.events("enclave", "marbles"))
        try:
            patch_node(self.lab, resources)
            self.lab.wait_ready("enclave", "marbles")
        finally:
            patch_node(self.lab, dict.fromkeys(resources))
            self.lab.kubectl("delete", "pod", "enclave", "-n", "marbles", "--now")


class Away(unittest.TestCase):
    create, refused = Installed.create, Installed.refused

    @classmethod
    def setUpClass(cls):
        cls.world = world(cls.lab)
        cls.world.install()
        cls.enterClassContext(cls.lab.namespace("marbles", enforce="restricted"))

    def reinstall(self, *words):
        install(self.lab, 4, *words, command="upgrade")
        wait_until("the webhook answers", lambda: "initContainers" in self.create(labelled("ours", OURS))["spec"])

    def send_away(self):
        self.lab.kubectl("scale", "deployment", "strongroom-webhook", "-n", "strongroom", "--replicas=0")
        wait_until("no webhook is left", lambda: not self.lab.get("pods", "-n", "strongroom", "-l", "app.kubernetes.io/name=webhook")["items"])

    def test_while_it_is_away_marbles_are_refused_and_other_pods_are_not(self):
        self.send_away()
        try:
            self.assertIn("failed calling webhook", self.refused(labelled("ours", OURS)))
            self.create(restricted_pod("plain", "/bin/sleep", "600"))
        finally:
            self.world.scale(2, "strongroom-webhook", "strongroom")
        self.create(labelled("ours", OURS))

    def test_with_policy_ignore_marbles_come_through_as_they_are(self):
        self.reinstall("--set", "webhook.failurePolicy=Ignore")
        self.send_away()
        try:
            stored = self.create(labelled("ours", OURS))
            self.assertEqual(stored["spec"]["containers"][0]["command"], ["/bin/sleep", "600"])
        finally:
            self.world.scale(2, "strongroom-webhook", "strongroom")
            self.reinstall()

    def test_an_expired_certificate_and_one_of_another_authority_are_refused_and_replaced(self):
        folder = self.world.folder
        name = "strongroom-webhook.strongroom.svc"
        request = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                   "-addext", f"subjectAltName=DNS:{name}")
        run(*request, "-days", "1", "-keyout", folder / "good.key", "-out", folder / "good.crt")
        run(*request, "-days", "1", "-keyout", folder / "other.key", "-out", folder / "other.crt")
        run("openssl", "req", "-new", "-key", folder / "good.key", "-subj", f"/CN={name}", "-out", folder / "old.csr")
        run("openssl", "x509", "-req", "-in", folder / "old.csr", "-signkey", folder / "good.key", "-days", "-1", "-out", folder / "old.crt")
        # A copy with an expired certificate says it is not ready, so the older ones stay, whose authority is the wrong one now.
        wanted = {"old.crt": ("good.key", "old.crt", "unknown authority"), "other.crt": ("other.key", "good.crt", "unknown authority")}
        try:
            for certificate, (key, authority, reason) in wanted.items():
                with self.subTest(certificate):
                    self.use(folder / certificate, folder / key, folder / authority)
                    wait_until("the API server's reason", lambda r=reason: r in self.refused(labelled("ours", OURS)), 90)
        finally:
            self.reinstall()
            self.lab.kubectl("delete", "secret", "given", "-n", "strongroom")

    def use(self, certificate, key, authority):
        self.lab.kubectl("delete", "secret", "given", "-n", "strongroom", "--ignore-not-found")
        self.lab.kubectl("create", "secret", "tls", "given", "-n", "strongroom", f"--cert={certificate}", f"--key={key}")
        words = ("--set", "webhook.tls.mode=existingSecret", "--set", "webhook.tls.existingSecret=given",
                 "--set-file", f"webhook.tls.caBundle={authority}")
        # The bundle that the webhook wrote itself is its own field: taking it over must be said.
        self.lab.helm(4, "upgrade", "strongroom", CHARTS / "strongroom", "-n", "strongroom", "--reuse-values", "--force-conflicts", *words)
        self.lab.kubectl("rollout", "restart", "deployment/strongroom-webhook", "-n", "strongroom")


def patch_node(lab, capacity):
    lab.kubectl("patch", "node", "knode", "--subresource=status", "--type=merge", "-p", json.dumps({"status": {"capacity": capacity}}))
