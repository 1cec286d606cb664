"""The admission webhook before a real API server."""

import base64
import contextlib
import copy
import json
import unittest

from cluster import CommandFailed, restricted_pod, wait_until
from admission_process import (CLUSTER_NAME, KINDS, NAMESPACE, SERVICE, WORKLOAD, applied, chart, dry_run, load_simulation, process,
                               registered, review, wait_published)

ENVIRONMENT = ("EDG_MARBLE_COORDINATOR_ADDR", "EDG_MARBLE_TYPE", "EDG_MARBLE_DNS_NAMES", "EDG_MARBLE_UUID_FILE")


def marble(name, labels, annotations=None, **spec):
    """A pod whose stored form has nothing that differs from one creation to the next."""
    pod = restricted_pod(name, "sleep", "600", automountServiceAccountToken=False, **spec)
    pod["metadata"]["labels"] |= labels
    pod["metadata"]["annotations"] = annotations or {}
    return pod


def ours(tee, mode="launcher", **more):
    return {"strongroom.dev/marble": "server", "strongroom.dev/tee": tee, "strongroom.dev/mode": mode, **more}


# Pods of every kind of injection, with what is there already in some.
PODS = {
    "sgx": marble("a", ours("sgx", **{"strongroom.dev/epc": "64Mi"})),
    "sgx with aesmd": marble("a", ours("sgx"), {"strongroom.dev/quote-provider": "aesmd"}),
    "tdx": marble("a", ours("tdx", **{"strongroom.dev/container": "main"}), {"strongroom.dev/runtime-class": "lab"}),
    "snp init": marble("a", ours("snp", "init"), {"strongroom.dev/runtime-class": "lab"}),
    "snp sidecar": marble("a", ours("snp", "sidecar"), {"strongroom.dev/runtime-class": "lab"}),
    "sim": marble("a", ours("sim")),
    "sim with an init container and volumes": marble(
        "a", ours("sim", **{"strongroom.dev/container": "main"}),
        initContainers=[{"name": "own", "image": "i", "restartPolicy": "Always"}],
        volumes=[{"name": "data", "emptyDir": {}}]),
    "MarbleRun": marble("a", {"marblerun/marbletype": "Backend"}),
    "MarbleRun without resources": marble("a", {"marblerun/marbletype": "b", "marblerun/resource-injection": "disabled"}),
}

# Marbles that no webhook saw, and what the policy of the final state says to each.
TOLD = {"env": [{"name": name, "value": "a:1"} for name in ENVIRONMENT[:2]]}
ADDRESS = {"env": [{"name": ENVIRONMENT[0], "value": "a:1"}]}
NO_MEMORY = "the TEE of this marble is sgx, but no container asks for sgx.intel.com/epc"
UNSEEN = {
    "ours": (marble("a", ours("sgx")), "the webhook did not see this pod"),
    "ours without a type": (marble("a", ours("sgx"), container=ADDRESS), "the webhook did not see this pod"),
    "ours without a TEE": (marble("a", {"strongroom.dev/marble": "a"}, container=TOLD), NO_MEMORY),
    "ours with an empty TEE": (marble("a", ours(""), container=TOLD), 'label strongroom.dev/tee is "", wanted sgx'),
    "ours in a VM": (marble("a", ours("tdx"), container=TOLD), "the pod has no runtimeClassName"),
    "ours in simulation": (marble("a", ours("sim"), container=TOLD), "no container is started by strongroom-simtee"),
    "MarbleRun's": (marble("a", {"marblerun/marbletype": "a"}), "the webhook did not see this pod"),
    "MarbleRun's with memory of its own": (marble("a", {"marblerun/marbletype": "a"}, container={
        "resources": {"limits": {"sgx.intel.com/epc": "1Mi"}}}), "the webhook did not see this pod"),
    "MarbleRun's without memory": (marble("a", {"marblerun/marbletype": "a"}, container=TOLD), NO_MEMORY),
    "MarbleRun's with a TEE of ours": (marble("a", {"marblerun/marbletype": "a", "strongroom.dev/tee": "sim"}, container=TOLD), NO_MEMORY),
    "MarbleRun's without resources": (marble("a", {"marblerun/marbletype": "a", "marblerun/resource-injection": "disabled"}),
                                      "the webhook did not see this pod"),
    "MarbleRun's other container": (marble("a", {"marblerun/marbletype": "a", "marblerun/marblecontainer": "main"}, initContainers=[
        {"name": "other", "image": "i", **TOLD}]), "the webhook did not see this pod"),
}


def no_webhook(said):
    """What was said, if it is not that a webhook cannot be called, which holds until a new failure policy has come through."""
    return "" if "failed calling webhook" in said else said


class Admission(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(registered(cls.lab))
        cls.running = contextlib.ExitStack()
        cls.addClassCleanup(cls.running.close)
        cls.running.enter_context(process(cls.lab, cls.folder))
        wait_published(cls.lab)
        cls.lab.apply({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "lab"}, "handler": "runc"})
        cls.addClassCleanup(cls.lab.kubectl, "delete", "runtimeclass", "lab")

    def test_writes_its_authority_into_its_own_configurations_only(self):
        secret = self.lab.get("secret", f"{SERVICE}-authority", "-n", NAMESPACE)["data"]
        for kind in KINDS:
            for item in self.lab.get(kind, CLUSTER_NAME)["webhooks"]:
                self.assertEqual(item["clientConfig"]["caBundle"], secret["ca.crt"])
        account = f"--as=system:serviceaccount:{NAMESPACE}:{SERVICE}"
        for verb, what in (("patch", "mutatingwebhookconfigurations/other"), ("create", "mutatingwebhookconfigurations"),
                           ("get", "secrets/other"), ("list", "secrets"), ("delete", f"secrets/{SERVICE}-authority")):
            said = self.lab.refused("auth", "can-i", verb, what, "-n", NAMESPACE, account)
            self.assertIn("no", said.splitlines(), f"{verb} {what}")

    def test_what_is_stored_equals_our_own_application_of_the_patch(self):
        with self.lab.namespace("watched") as watched:
            for name, pod in PODS.items():
                with self.subTest(name):
                    stored = dry_run(self.lab, pod, watched)
                    # As the API server sent it: with its defaults. Its own namespace is not watched.
                    sent = dry_run(self.lab, pod, NAMESPACE)
                    answer = review(self.lab, sent, watched)
                    patch = json.loads(base64.b64decode(answer["patch"]))
                    made = applied(copy.deepcopy(sent), patch)
                    self.assertNotEqual(made, sent)
                    made["metadata"] = {**pod["metadata"], "labels": made["metadata"]["labels"]}
                    expected = dry_run(self.lab, made, NAMESPACE)
                    self.assertEqual(stored["spec"], expected["spec"])
                    self.assertEqual(stored["metadata"]["labels"], expected["metadata"]["labels"])
                    again = review(self.lab, stored, watched)
                    self.assertNotIn("patch", again, "a stored pod needs nothing")
                    self.assertTrue(review(self.lab, stored, watched, "validate")["allowed"])

    def test_a_deployment_labelled_for_MarbleRun_gets_what_its_injector_gives(self):
        labels = {"app": "shop", "marblerun/marbletype": "Frontend"}
        pod = restricted_pod("shop", "sleep", "600")
        pod["spec"]["restartPolicy"] = "Always"
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}, "spec": {
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": {"labels": labels}, "spec": pod["spec"]}}}
        with self.lab.namespace("shop") as namespace:
            self.lab.apply(deployment, namespace=namespace)
            found = wait_until("its pod", lambda: self.lab.get("pods", "-n", namespace, "-l", "app=shop")["items"])[0]
        container = found["spec"]["containers"][0]
        self.assertEqual({entry["name"]: entry["value"] for entry in container["env"]}, dict(zip(ENVIRONMENT, (
            "coordinator-mesh-api.marblerun:2001", "Frontend", "frontend,frontend.shop,frontend.shop.svc.cluster.local",
            "/Frontend-uid/uuid-file"))))
        self.assertEqual(container["resources"]["limits"], {
            "sgx.intel.com/epc": "10Mi", "sgx.intel.com/enclave": "1", "sgx.intel.com/provision": "1"})
        self.assertIn({"key": "sgx.intel.com/epc", "operator": "Exists", "effect": "NoSchedule"}, found["spec"]["tolerations"])
        mount = next(item for item in container["volumeMounts"] if item["mountPath"] == "/Frontend-uid")
        volume = next(item for item in found["spec"]["volumes"] if item["name"] == mount["name"])
        item = volume["downwardAPI"]["items"][0]
        self.assertEqual((item["path"], item["fieldRef"]["fieldPath"]), ("uuid-file", "metadata.uid"))

    def test_a_pod_with_disabled_resources_runs_and_reads_its_uuid(self):
        pod = marble("reader", {"marblerun/marbletype": "reader", "marblerun/resource-injection": "disabled"},
                     container={"command": ["sh", "-c", "cat $EDG_MARBLE_UUID_FILE; echo; sleep 600"]})
        with self.lab.namespace("reads", enforce="restricted") as namespace:
            self.lab.apply(pod, namespace=namespace)
            self.lab.wait_ready("reader", namespace)
            uid = self.lab.get("pod", "reader", "-n", namespace)["metadata"]["uid"]
            wait_until("the pod's UUID", lambda: self.lab.logs("reader", namespace).strip() == uid, 20)

    def test_a_simulated_marble_starts_under_the_software_tee_in_its_own_container(self):
        load_simulation(self.lab)
        pod = marble("simulated", ours("sim"), container={"image": WORKLOAD, "imagePullPolicy": "Never"})
        for member in ("command", "args"):
            pod["spec"]["containers"][0].pop(member, None)
        with self.lab.namespace("simulated", enforce="restricted") as namespace:
            self.lab.apply(pod, namespace=namespace)
            self.lab.wait_ready("simulated", namespace)
            said = wait_until("the software TEE's words", lambda: self.lab.logs("simulated", namespace), 20)
        self.assertRegex(said, r"enclave started program=/bin/busybox mrenclave=[0-9a-f]{64}")

    def test_a_denial_says_what_to_do(self):
        with self.lab.namespace("denied") as namespace:
            said = self.lab.apply_refused(marble("bad", ours("sev")), namespace=namespace)
            self.assertIn("wanted one of sgx, tdx, snp, sim", said)
            said = self.lab.apply_refused(marble("lost", ours("sgx", **{"strongroom.dev/container": "lost"})), namespace=namespace)
            self.assertIn('names the container "lost", which the pod has not', said)

    def test_nothing_is_put_beside_a_marble_and_its_labels_stay(self):
        pod = marble("guarded", {"marblerun/marbletype": "guarded", "marblerun/resource-injection": "disabled"})
        with self.lab.namespace("guarded") as namespace:
            self.lab.apply(pod, namespace=namespace)
            self.lab.wait_ready("guarded", namespace)
            said = self.lab.refused("debug", "guarded", "-n", namespace, "--image", "busybox", "--", "sh")
            self.assertRegex(said, "ephemeral container")
            for change in ("marblerun/marbletype-", "marblerun/marbletype=other"):
                said = self.lab.refused("label", "pod", "guarded", "-n", namespace, "--overwrite", change)
                self.assertIn("the labels that make a pod a marble do not change" if "=" in change else "is empty or gone", said)

    def test_a_pod_made_before_the_policy_with_a_value_that_it_refuses_can_be_updated(self):
        old = marble("old", {"strongroom.dev/explicit-marble": "old", "strongroom.dev/tee": ""})
        kind = "validatingadmissionpolicybinding"
        [name] = [item["metadata"]["name"] for item in self.lab.get(kind)["items"] if NAMESPACE in item["metadata"]["name"]]

        def bind(action):
            self.lab.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps({"spec": {"validationActions": [action]}}))
        with self.lab.namespace("before") as namespace:
            bind("Audit")
            try:
                wait_until("nothing is refused", lambda: dry_run(self.lab, old, namespace), 20)
                self.lab.apply(old, namespace=namespace)
            finally:
                bind("Deny")
            again = copy.deepcopy(old)
            again["metadata"]["name"] = "again"

            def refused():
                try:
                    return dry_run(self.lab, again, namespace) and None
                except CommandFailed as failed:
                    return failed.output
            self.assertIn('label strongroom.dev/tee is "", wanted sgx', wait_until("the policy holds", refused, 20))
            self.lab.kubectl("annotate", "pod", "old", "-n", namespace, "seen=yes")
            for change in ("strongroom.dev/tee=sim", "strongroom.dev/tee-", "marblerun/marbletype="):
                said = self.lab.refused("label", "pod", "old", "-n", namespace, "--overwrite", change)
                self.assertIn("the labels that make a pod a marble do not change", said)

    def test_other_pods_are_never_sent_to_it(self):
        with self.lab.namespace("others") as namespace:
            self.lab.apply(restricted_pod("plain", "sleep", "600"), namespace=namespace)
            self.assertNotIn("env", self.lab.get("pod", "plain", "-n", namespace)["spec"]["containers"][0])

    def policy(self, policy):
        for kind in KINDS:
            count = len(self.lab.get(kind, CLUSTER_NAME)["webhooks"])
            patch = [{"op": "replace", "path": f"/webhooks/{i}/failurePolicy", "value": policy} for i in range(count)]
            self.lab.kubectl("patch", kind, CLUSTER_NAME, "--type=json", "-p", json.dumps(patch))

    def final_state(self, policy):
        """The chart's policy of the final state, as for one failure policy or the other."""
        objects = chart(self.lab, "validation", settings=[f"webhook.failurePolicy={policy}"])
        self.lab.kubectl("apply", "--server-side", "-n", NAMESPACE, "-f", "-", stdin=objects)

    def test_the_mirror_of_a_static_pod_is_taken_as_it_is(self):
        mirror = marble("static", {"marblerun/marbletype": "static"}, {"kubernetes.io/config.mirror": "0"}, nodeName="knode")
        with self.lab.namespace("mirrors") as namespace:
            stored = dry_run(self.lab, mirror, namespace)
            self.assertNotIn("env", stored["spec"]["containers"][0])
            del mirror["metadata"]["annotations"]
            self.assertIn("env", dry_run(self.lab, mirror, namespace)["spec"]["containers"][0])

    def test_while_it_is_down_marbles_are_refused_or_stored_as_they_are_and_later_all_is_as_before(self):
        pod = marble("down", {"marblerun/marbletype": "down"})
        before = self.lab.get("secret", f"{SERVICE}-authority", "-n", NAMESPACE)["data"]
        self.running.close()
        with self.lab.namespace("down") as namespace:
            try:
                self.assertIn("failed calling webhook", self.lab.apply_refused(pod, namespace=namespace))
                self.lab.apply(restricted_pod("plain", "sleep", "600"), namespace=namespace)
                self.policy("Ignore")
                for name, (unseen, reason) in UNSEEN.items():
                    with self.subTest(name):
                        said = wait_until("the policy's reason", lambda unseen=unseen: no_webhook(
                            self.lab.apply_refused(unseen, namespace=namespace, arguments=["--dry-run=server"])), 20)
                        self.assertIn(reason, said)
                self.final_state("Ignore")
                stored = wait_until("the policy holds", lambda: dry_run(self.lab, pod, namespace), 20)
                self.assertNotIn("env", stored["spec"]["containers"][0])
            finally:
                self.final_state("Fail")
                self.policy("Fail")
                self.running.enter_context(process(self.lab, self.folder))
            self.assertEqual(self.lab.get("secret", f"{SERVICE}-authority", "-n", NAMESPACE)["data"], before)
            stored = wait_until("pods are admitted again", lambda: dry_run(self.lab, pod, namespace), 20)
            self.assertIn("env", stored["spec"]["containers"][0])


if __name__ == "__main__":
    unittest.main()
