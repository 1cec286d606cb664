"""From zero to answers: coordinator, manifest, keys, model servers, clients by every way in, and the refusals on it."""

import json
import unittest

import numpy as np

from cluster import settled
from product import install, load_images, measurement, world


class Trip(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = world(cls.lab)

    def test_helm_3_installs_tests_and_uninstalls_and_nothing_is_left(self):
        load_images(self.lab)
        before = everything(self.lab)
        install(self.lab, 3, namespace="strongroom-by-helm-3")
        self.lab.helm(3, "test", "strongroom", "-n", "strongroom-by-helm-3", "--timeout", "120s")
        self.lab.helm(3, "uninstall", "strongroom", "-n", "strongroom-by-helm-3", "--wait", "--timeout", "120s")
        self.lab.kubectl("delete", "namespace", "strongroom-by-helm-3", "--timeout=120s")
        settled("the objects are those of before", lambda: everything(self.lab) ^ before, set())

    def test_helm_4_installs_and_its_test_verifies_the_coordinator(self):
        self.world.install()
        said = self.lab.helm(4, "test", "strongroom", "-n", "strongroom", "--timeout", "120s")
        self.assertIn("Succeeded", said)

    def test_the_owner_verifies_the_coordinator_through_a_port_forward(self):
        self.world.install()
        with self.world.reach():
            self.assertIn(measurement("coordinator"), self.world.verify())

    def test_another_measurement_is_not_the_coordinator(self):
        self.world.install()
        with self.world.reach():
            said = self.world.client.refused("verify", self.world.coordinator, *self.world.identity(measurement("modelserver")))
        self.assertIn(measurement("modelserver"), said)

    def test_without_the_test_root_it_convinces_nobody(self):
        self.world.install()
        with self.world.reach():
            flags = self.world.identity()
            said = self.world.client.refused("verify", self.world.coordinator, *flags[:2], *flags[4:])
        self.assertRegex(said, "(?i)root")

    def test_the_owner_sets_the_manifest_and_hands_over_the_keys(self):
        self.world.hand_over_keys()
        with self.world.reach():
            self.world.verify("--manifest", "manifest.json")

    def test_a_model_server_attests_gets_its_keys_and_is_ready(self):
        self.world.serve()
        [pod] = self.world.pods()
        log = self.lab.logs(pod["metadata"]["name"], "models")
        self.assertIn("serving", log)

    def test_a_client_asks_by_service_node_port_and_port_forward(self):
        self.world.serve()
        address = "digits.models.svc.cluster.local:8500"
        port = next(p["nodePort"] for p in self.lab.get("service", "digits", "-n", "models")["spec"]["ports"] if p["name"] == "grpc")
        plain = np.load(self.world.client.folder / "probabilities.npy")
        for api in ("tfs", "kserve", "rest"):
            for way, where, on_node in (("service", address, True), ("node port", f"192.168.199.1:{port}", True)):
                with self.subTest(way=way, api=api):
                    self.check(where, plain, api, on_node)
            with self.subTest(way="port-forward", api=api), self.lab.port_forward("service/digits", 8500, "models") as local:
                self.check(f"localhost:{local}", plain, api, False)

    def check(self, where, plain, api, on_node):
        out = self.world.client.folder / "out.npy"
        self.world.ask(where, "--api", api, "-o", out, on_node=on_node)
        answers = np.load(out)
        if api == "rest":
            np.testing.assert_allclose(answers, plain, atol=1e-6)
        else:
            np.testing.assert_array_equal(answers, plain)

    def test_a_network_of_resnet_50s_shape_answers_as_the_plain_one(self):
        self.world.serve()
        folder, out = self.world.client.folder, self.world.client.folder / "resnet50.npy"
        plain = np.load(folder / "scores.npy")
        self.assertEqual(plain.shape, (2, 1000))
        self.assertGreater(np.abs(plain[0] - plain[1]).max(), 1e-3, "control: two images have two answers")
        for api in ("tfs", "kserve"):
            with self.subTest(api):
                self.world.ask("digits.models.svc.cluster.local:8500", "--api", api, "-o", out, model="resnet50", image="image.npy",
                               on_node=True)
                np.testing.assert_allclose(np.load(out), plain, rtol=1e-3, atol=1e-6)  # threads add up in another order
        size = (self.world.owner.folder / "plain/resnet50/1/model.bin").stat().st_size
        self.assertGreater(size, 100e6)

    def test_a_user_without_a_role_and_a_stranger_get_no_answer(self):
        self.world.serve()
        self.world.client.strongroom("user", "create", "stranger")
        with self.lab.port_forward("service/digits", 8500, "models") as local:
            for name in ("mallory", "stranger"):
                with self.subTest(name), self.assertRaises(RuntimeError) as refused:
                    self.world.ask(f"localhost:{local}", name=name)
                self.assertRegex(str(refused.exception), "(?i)denied|not allowed|forbidden|403")

    def test_helm_test_of_the_model_servers_asks_them(self):
        self.world.serve()
        folder = self.world.client.folder
        self.lab.kubectl("create", "secret", "generic", "client", "-n", "models", f"--from-file=tls.crt={folder / 'alice.crt'}",
                         f"--from-file=tls.key={folder / 'alice.key'}", f"--from-file=root.crt={folder / 'root.crt'}")
        tensor = {"datatype": "FP32", "shape": [1, 8, 8], "data": [0.5] * 64}
        values = folder / "test-values.json"
        values.write_text(json.dumps({"test": {"clientSecret": "client", "model": "digits", "input": tensor}}))
        install(self.lab, 4, "--reuse-values", "-f", values, chart="strongroom-serving", release="digits", namespace="models",
                command="upgrade")
        self.assertIn("Succeeded", self.lab.helm(4, "test", "digits", "-n", "models", "--timeout", "120s"))


def everything(lab):
    """Names of all objects of all kinds but those that come and go by themselves."""
    kinds = lab.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    kinds = [kind for kind in kinds if kind.split(".")[0] not in ("events", "leases", "persistentvolumes", "endpoints")]
    return set(lab.kubectl("get", ",".join(sorted(set(kinds))), "-A", "-o", "name", "--ignore-not-found").split())
