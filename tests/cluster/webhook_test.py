"""The webhook that the chart installs: that it works there, and what happens while it is away or its certificate is bad."""

import json
import re
import unittest

from cluster import restricted_pod, run, settled, wait_until
from product import CHARTS, install, world

OURS = {"strongroom.dev/marble": "modelserver", "strongroom.dev/container": "main", "strongroom.dev/mode": "launcher",
        "strongroom.dev/tee": "sim"}
WEBHOOK = "app.kubernetes.io/name=webhook"


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

    def test_a_marble_takes_no_ephemeral_container_and_no_other_label(self):
        marble = labelled("marble", {"strongroom.dev/explicit-marble": "modelserver", "strongroom.dev/tee": "sim"})
        self.lab.apply(marble, namespace="marbles")
        self.lab.wait_ready("marble", "marbles")
        peek = {**marble["spec"]["containers"][0], "name": "peek"}  # nothing that Pod Security minds
        patch = {"spec": {"ephemeralContainers": [peek]}}
        said = self.lab.refused("patch", "pod", "marble", "-n", "marbles", "--subresource=ephemeralcontainers", "-p", json.dumps(patch))
        self.assertIn("ephemeral", said)
        said = self.lab.refused("label", "pod", "marble", "-n", "marbles", "strongroom.dev/mode=init")
        self.assertIn("do not change", said)
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
        wait_until("no webhook is left", lambda: not self.lab.get("pods", "-n", "strongroom", "-l", WEBHOOK)["items"])

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


class Certificates(unittest.TestCase):
    """Certificates that somebody else makes, in the Secret `given`."""

    create, refused, reinstall = Installed.create, Installed.refused, Away.reinstall
    NAME = "strongroom-webhook.strongroom.svc"

    @classmethod
    def setUpClass(cls):
        cls.world = world(cls.lab)
        cls.world.install()
        cls.enterClassContext(cls.lab.namespace("marbles", enforce="restricted"))
        cls.make_certificates()
        cls.addClassCleanup(cls("restore").restore)

    def restore(self):
        """The webhook's own certificate again."""
        self.lab.kubectl("patch", "service", "strongroom-webhook", "-n", "strongroom", "-p", '{"spec": {"publishNotReadyAddresses": false}}')
        self.reinstall()
        self.lab.kubectl("delete", "secret", "given", "-n", "strongroom")

    def test_a_renewed_certificate_in_its_secret_is_served_by_the_pods_that_are_there(self):
        self.put("good")
        self.given("Fail")
        self.rolled_out()
        pods = self.pods()
        settled("all serve the first one", self.served, dict.fromkeys(pods, self.certificate("good")))
        self.put("renewed")
        # By itself the kubelet looks at a pod's Secrets again within a minute and a half; when the pod changes, at once.
        self.lab.kubectl("annotate", "pods", "-n", "strongroom", "-l", WEBHOOK, "looked-at=again")
        settled("all serve the renewed one", self.served, dict.fromkeys(pods, self.certificate("renewed")), 120)
        self.assertEqual(self.pods(), pods, "no pod is new, no container was started again")
        self.wait_called()

    def pods(self):
        """Starts of each pod's container, by the pod's address."""
        items = self.world.pods("strongroom", WEBHOOK)
        return {pod["status"]["podIP"]: pod["status"]["containerStatuses"][0]["containerID"] for pod in items}

    def served(self):
        """What each pod shows to those who connect, if it is of the authority that the API server trusts."""
        said = {address: self.lab.on_node("openssl", "s_client", "-connect", f"{address}:8443", "-servername", self.NAME, "-verify_return_error",
                                          "-CAfile", self.world.folder / "ca.crt", stdin="") for address in self.pods()}
        return {address: re.search("-----BEGIN CERTIFICATE.*?END CERTIFICATE-----\n", text, re.S)[0] for address, text in said.items()}

    def certificate(self, name):
        return (self.world.folder / f"{name}.crt").read_text()

    def wait_called(self):
        wait_until("the API server calls it", lambda: "initContainers" in self.create(labelled("ours", OURS))["spec"], 90)

    def rolled_out(self):
        self.lab.kubectl("rollout", "status", "deployment/strongroom-webhook", "-n", "strongroom", "--timeout=90s")

    def test_a_certificate_that_is_expired_of_another_authority_or_of_another_name_is_refused(self):
        wanted = {"expired": "certificate has expired or is not yet valid", "stranger": "certificate signed by unknown authority",
                  "misnamed": f"certificate is valid for elsewhere.strongroom.svc, not {self.NAME}"}
        for policy in ("Fail", "Ignore"):
            self.given(policy)
            self.use("good")
            self.rolled_out()
            self.wait_called()  # control: a good one is trusted
            for certificate, reason in wanted.items():
                with self.subTest(certificate, policy=policy):
                    self.use(certificate)
                    self.check_untrusted(policy, reason)

    def check_untrusted(self, policy, reason):
        """What the API server says and does with the certificate that is served now."""
        if policy == "Fail":
            said = wait_until("the API server's reason", lambda: (lambda text: reason in text and text)(self.refused(labelled("ours", OURS))), 90)
            print("   " + said.strip().splitlines()[-1].split("tls: ")[-1])
            self.create(restricted_pod("plain", "/bin/sleep", "600"))
        else:
            stored = wait_until("it comes through as it is", lambda: (lambda pod: "initContainers" not in pod["spec"] and pod)(
                self.create(labelled("ours", OURS))), 90)
            self.assertEqual(stored["spec"]["containers"][0]["command"], ["/bin/sleep", "600"])

    @classmethod
    def make_certificates(cls):
        """good, renewed, expired and misnamed of one authority, stranger of another; each with its key."""
        folder, name = cls.world.folder, cls.NAME

        def openssl(*words):
            run("openssl", *words, cwd=folder)
        for authority in ("ca", "other-ca"):
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={authority}", "-days", "2",
                    "-keyout", f"{authority}.key", "-out", f"{authority}.crt")
        for certificate, authority, host, days in (("good", "ca", name, 1), ("renewed", "ca", name, 1), ("expired", "ca", name, -1),
                                                   ("stranger", "other-ca", name, 1), ("misnamed", "ca", "elsewhere.strongroom.svc", 1)):
            (folder / "extensions").write_text(f"subjectAltName=DNS:{host}\nextendedKeyUsage=serverAuth\n")
            openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}",
                    "-keyout", f"{certificate}.key", "-out", f"{certificate}.csr")
            openssl("x509", "-req", "-in", f"{certificate}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-CAcreateserial",
                    "-days", days, "-extfile", "extensions", "-out", f"{certificate}.crt")

    def given(self, policy):
        """Has the webhook serve what the Secret `given` holds, the API server trust `ca`, and be led to it even when it says
        that it is not ready, as it does with an expired certificate: as if nobody had noticed yet."""
        words = ("--set", "webhook.tls.mode=existingSecret", "--set", "webhook.tls.existingSecret=given", "--set",
                 f"webhook.failurePolicy={policy}", "--set-file", f"webhook.tls.caBundle={self.world.folder}/ca.crt")
        # The bundle that the webhook wrote itself is its own field: taking it over must be said.
        self.lab.helm(4, "upgrade", "strongroom", CHARTS / "strongroom", "-n", "strongroom", "--reuse-values", "--force-conflicts", *words)
        self.lab.kubectl("patch", "service", "strongroom-webhook", "-n", "strongroom", "-p", '{"spec": {"publishNotReadyAddresses": true}}')

    def put(self, certificate):
        """Into the Secret."""
        files = [f"--{kind}={self.world.folder}/{certificate}.{end}" for kind, end in (("cert", "crt"), ("key", "key"))]
        secret = self.lab.kubectl("create", "secret", "tls", "given", "-n", "strongroom", "--dry-run=client", "-o", "json", *files)
        self.lab.kubectl("apply", "--server-side", "-f", "-", stdin=secret)

    def use(self, certificate):
        """Has new pods serve it: the API server keeps its connections to old ones."""
        self.put(certificate)
        self.lab.kubectl("delete", "pods", "-n", "strongroom", "-l", WEBHOOK, "--grace-period=1", "--timeout=60s")
        address = self.lab.get("service", "strongroom-webhook", "-n", "strongroom")["spec"]["clusterIP"]
        # Whoever does not look at its certificate reaches it: what is refused later is refused for that alone.
        wait_until("the webhook answers", lambda: self.lab.on_node("curl", "-sk", "--max-time", "2", f"https://{address}/healthz") == "ok\n")


def patch_node(lab, capacity):
    lab.kubectl("patch", "node", "knode", "--subresource=status", "--type=merge", "-p", json.dumps({"status": {"capacity": capacity}}))
