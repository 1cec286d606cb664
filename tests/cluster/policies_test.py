"""The charts' NetworkPolicies, enforced: what they grant works, what they do not grant does not."""

import unittest

import policies
from cluster import restricted_pod, wait_until
from product import world

CLIENT = {"strongroom.dev/client": "true"}
MARBLE = {"strongroom.dev/explicit-marble": "modelserver", "strongroom.dev/tee": "sim"}

# (from, to, port): whether it is granted. elsewhere/marble is a workload of some other namespace, models/double stands where
# a model server stands, strongroom/client has the label of clients, strongroom/neighbour has none.
PAIRS = {
    ("elsewhere/marble", "coordinator", 2001): True,
    ("models/double", "coordinator", 2001): True,
    ("elsewhere/stranger", "coordinator", 2001): False,
    ("strongroom/client", "coordinator", 2001): False,
    ("strongroom/neighbour", "coordinator", 2001): False,
    ("strongroom/client", "coordinator", 4433): True,
    ("elsewhere/stranger", "coordinator", 4433): False,
    ("elsewhere/marble", "coordinator", 4433): False,
    ("strongroom/neighbour", "coordinator", 4433): False,
    ("elsewhere/stranger", "coordinator", 9090): False,
    ("strongroom/client", "pccs", 8081): True,
    ("elsewhere/stranger", "pccs", 8081): False,
    ("models/double", "pccs", 8081): False,
    ("elsewhere/stranger", "webhook", 8443): False,
    ("elsewhere/stranger", "modelserver", 8500): True,
    ("elsewhere/stranger", "modelserver", 8080): False,
    ("models/double", "modelserver", 8500): False,
    ("elsewhere/marble", "elsewhere/stranger", 8080): True,
    ("models/double", "elsewhere/stranger", 8080): False,
}


class Policies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = world(cls.lab)
        cls.world.serve()
        cls.enterClassContext(cls.lab.namespace("elsewhere"))
        for namespace, name, labels in (("elsewhere", "stranger", {}), ("elsewhere", "marble", MARBLE), ("strongroom", "client", CLIENT),
                                        ("strongroom", "neighbour", {})):
            pod = restricted_pod(name, "httpd", "-f", "-p", "8080")
            pod["metadata"]["labels"] |= labels
            cls.lab.apply(pod, namespace=namespace)
            cls.lab.wait_ready(name, namespace)
        # Stands where a model server stands, but is never ready, so that no Service sends it a request.
        double = restricted_pod("double", "sleep", "3600", container={"readinessProbe": {"exec": {"command": ["false"]}}})
        double["metadata"]["labels"] |= cls.world.pods()[0]["metadata"]["labels"]
        double["metadata"]["labels"].pop("pod-template-hash")
        cls.lab.apply(double, namespace="models")
        wait_until("the double has an address", lambda: cls.lab.get("pod", "double", "-n", "models")["status"].get("podIP"))
        cls.addClassCleanup(cls.clear)

    @classmethod
    def clear(cls):
        policies.lift(cls.lab)
        cls.lab.kubectl("delete", "pod", "client", "neighbour", "-n", "strongroom", "--now")
        cls.lab.kubectl("delete", "pod", "double", "-n", "models", "--now")

    def address(self, target):
        """The address of a pod by its name, or of one of ours by its part."""
        if "/" in target:
            namespace, pod = target.split("/")
            return self.lab.get("pod", pod, "-n", namespace)["status"]["podIP"]
        namespace, selector = ("models", "app.kubernetes.io/instance=digits,pod-template-hash") if target == "modelserver" else (
            "strongroom", f"app.kubernetes.io/name={target}")
        return self.world.pods(namespace, selector)[0]["status"]["podIP"]

    def connects(self, source, target, port):
        """Whether a TCP connection from a pod is taken."""
        namespace, pod = source.split("/")
        try:
            self.lab.kubectl("exec", "-n", namespace, pod, "--", "sh", "-c", f"timeout 3 nc {self.address(target)} {port} </dev/null")
        except RuntimeError:
            return False
        return True

    def test_what_connects_without_the_rules_connects_with_them_where_it_is_granted_and_nowhere_else(self):
        policies.lift(self.lab)
        for pair in PAIRS:
            with self.subTest(pair=pair):
                self.assertTrue(self.connects(*pair), "control: the probe works, and its target listens")
        policies.enforce(self.lab)
        for pair, granted in PAIRS.items():
            with self.subTest(pair=pair):
                self.assertEqual(self.connects(*pair), granted)

    def test_a_new_model_server_attests_and_answers_under_the_policies(self):
        policies.enforce(self.lab)
        self.lab.kubectl("scale", "deployment", "digits", "-n", "models", "--replicas=2")
        wait_until("the new pod has an address", lambda: all(pod["status"].get("podIP") for pod in self.world.pods(
            selector="app.kubernetes.io/instance=digits,pod-template-hash")) and len(self.world.pods()) >= 3)
        policies.enforce(self.lab)
        self.world.scale(2)
        self.world.ask("digits.models.svc.cluster.local:8500", on_node=True)
        self.world.scale(1)
