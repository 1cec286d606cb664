"""The charts' NetworkPolicies, enforced: what they grant works, what they do not grant does not."""

import unittest

import policies
from cluster import restricted_pod, wait_until
from product import world

CLIENT = {"strongroom.dev/client": "true"}
MARBLE = {"strongroom.dev/explicit-marble": "modelserver", "strongroom.dev/tee": "sim"}


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
        policies.enforce(cls.lab)
        cls.addClassCleanup(cls.clear)

    @classmethod
    def clear(cls):
        policies.lift(cls.lab)
        cls.lab.kubectl("delete", "pod", "client", "neighbour", "-n", "strongroom", "--now")
        cls.lab.kubectl("delete", "pod", "double", "-n", "models", "--now")

    def address(self, part):
        """The address of a pod of ours."""
        namespace, selector = ("models", "app.kubernetes.io/instance=digits,pod-template-hash") if part == "modelserver" else (
            "strongroom", f"app.kubernetes.io/name={part}")
        return self.world.pods(namespace, selector)[0]["status"]["podIP"]

    def connects(self, namespace, pod, address, port):
        """Whether a TCP connection from a pod is taken."""
        try:
            self.lab.kubectl("exec", "-n", namespace, pod, "--", "sh", "-c", f"timeout 3 nc {address} {port} </dev/null")
        except RuntimeError:
            return False
        return True

    def check(self, namespace, pod, part, port, granted):
        with self.subTest(f"{namespace}/{pod} to {part}:{port}"):
            self.assertEqual(self.connects(namespace, pod, self.address(part), port), granted)

    def test_workloads_reach_the_mesh_api_and_nobody_else_does(self):
        self.check("elsewhere", "marble", "coordinator", 2001, True)
        self.check("models", "double", "coordinator", 2001, True)
        for namespace, pod in (("elsewhere", "stranger"), ("strongroom", "client"), ("strongroom", "neighbour")):
            self.check(namespace, pod, "coordinator", 2001, False)

    def test_clients_reach_the_client_api_and_nobody_else_does(self):
        self.check("strongroom", "client", "coordinator", 4433, True)
        for namespace, pod in (("elsewhere", "stranger"), ("elsewhere", "marble"), ("strongroom", "neighbour")):
            self.check(namespace, pod, "coordinator", 4433, False)

    def test_everyone_may_ask_the_models_and_only_that(self):
        self.check("elsewhere", "stranger", "modelserver", 8500, True)
        self.check("elsewhere", "stranger", "modelserver", 8080, False)

    def test_metrics_collateral_and_webhook_are_not_for_strangers(self):
        self.check("strongroom", "client", "pccs", 8081, True)
        for part, port in (("coordinator", 9090), ("pccs", 8081), ("webhook", 8443)):
            self.check("elsewhere", "stranger", part, port, False)

    def test_a_model_server_reaches_nothing_but_its_coordinator(self):
        stranger = self.lab.get("pod", "stranger", "-n", "elsewhere")["status"]["podIP"]
        self.assertTrue(self.connects("elsewhere", "marble", stranger, 8080))
        self.assertFalse(self.connects("models", "double", stranger, 8080))
        self.check("models", "double", "pccs", 8081, False)
        self.check("models", "double", "modelserver", 8500, False)

    def test_a_new_model_server_attests_and_answers_under_the_policies(self):
        self.lab.kubectl("scale", "deployment", "digits", "-n", "models", "--replicas=2")
        wait_until("the new pod has an address", lambda: all(pod["status"].get("podIP") for pod in self.world.pods(
            selector="app.kubernetes.io/instance=digits,pod-template-hash")) and len(self.world.pods()) >= 3)
        policies.enforce(self.lab)
        self.world.scale(2)
        self.world.ask("digits.models.svc.cluster.local:8500", on_node=True)
        self.world.scale(1)
