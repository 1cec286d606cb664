"""From zero to answers: coordinator, manifest, keys, model servers, clients by every way in, and the refusals on it."""

import json
import shutil
import unittest

import numpy as np

from cluster import BUSYBOX, restricted_pod, run, settled
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

    def test_a_user_without_a_role_a_stranger_and_one_whose_certificate_ended_get_no_answer(self):
        self.world.serve()
        self.world.client.strongroom("user", "create", "stranger")
        unlisted = "client certificate is not among those that may ask model digits"
        with self.lab.port_forward("service/digits", 8500, "models") as local:
            for name, why in {"mallory": unlisted, "stranger": unlisted, "former": "client certificate ended at "}.items():
                with self.subTest(name), self.assertRaises(RuntimeError) as refused:
                    self.world.ask(f"localhost:{local}", name=name)
                self.assertIn(why, str(refused.exception))

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


class Sources(unittest.TestCase):
    """Where the ciphertext may come from besides a claim and a node's folder."""

    @classmethod
    def setUpClass(cls):
        cls.world = world(cls.lab)
        cls.world.serve()
        cls.folder = cls.world.folder / "sources"
        shutil.copytree(cls.world.host, cls.folder / "models")
        run("chmod", "-R", "a+rX", cls.folder / "models")

    def image(self, name, folder):
        """An image whose content is a folder, loaded; its reference."""
        reference, archive = f"localhost/strongroom-test/{name}:1", self.folder / f"{name}.tar"
        self.lab.command("image", reference, archive, folder)
        self.lab.load(archive)
        return reference

    def check_source(self, major, release, values):
        """That a release with these values of `model` and `networkPolicy` answers, and that nothing of it is left in the end."""
        before = everything(self.lab)
        file = self.folder / f"{release}.json"
        file.write_text(json.dumps(values | {"drain": {"delaySeconds": 1}}))
        install(self.lab, major, "-f", file, chart="strongroom-serving", release=release, namespace="models")
        try:
            out = self.folder / f"{release}.npy"
            self.world.ask(f"{release}.models.svc.cluster.local:8500", "-o", out, on_node=True)
            np.testing.assert_array_equal(np.load(out), np.load(self.world.client.folder / "probabilities.npy"))
            [pod] = self.world.pods(selector=f"app.kubernetes.io/instance={release}")
            self.assertEqual([entry["event"] for entry in self.world.activations(pod)], ["activated"])
        finally:
            self.lab.helm(major, "uninstall", release, "-n", "models", "--wait", "--timeout", "120s")
        settled("the objects are those of before", lambda: everything(self.lab) ^ before, set())
        return pod

    def test_helm_3_installs_model_servers_whose_models_are_an_image(self):
        reference = self.image("models", self.folder / "models")
        pod = self.check_source(3, "from-image", {"model": {"source": "image", "image": {"reference": reference, "pullPolicy": "Never"}}})
        self.assertEqual([volume["image"]["reference"] for volume in pod["spec"]["volumes"] if "image" in volume], [reference])

    def test_model_servers_download_their_models_before_they_start(self):
        (self.folder / "archive").mkdir()
        run("tar", "-C", self.folder / "models", "-cf", self.folder / "archive/models.tar", ".")
        store = restricted_pod("store", "httpd", "-f", "-p", "8080", "-h", "/srv", container={
            "volumeMounts": [{"name": "archive", "mountPath": "/srv", "readOnly": True}]},
            volumes=[{"name": "archive", "image": {"reference": self.image("archive", self.folder / "archive"), "pullPolicy": "Never"}}])
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "store"},
                   "spec": {"selector": {"app": "store"}, "ports": [{"port": 8080}]}}
        fetch = "wget -O - http://store.store.svc.cluster.local:8080/models.tar | busybox tar -xC $(MODEL_FOLDER)"
        with self.lab.namespace("store", enforce="restricted"):
            self.lab.apply(store, service, namespace="store")
            self.lab.wait_ready("store", "store")
            self.check_source(4, "from-store", {
                "model": {"source": "download", "download": {"image": BUSYBOX, "command": ["sh", "-eo", "pipefail", "-c"], "args": [fetch]}},
                "networkPolicy": {"downloadCidrs": ["10.88.0.0/16"], "downloadPorts": [8080]}})


def everything(lab):
    """Names of all objects of all kinds but those that come and go by themselves."""
    kinds = lab.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    kinds = [kind for kind in kinds if kind.split(".")[0] not in ("events", "leases", "persistentvolumes", "endpoints")]
    return set(lab.kubectl("get", ",".join(sorted(set(kinds))), "-A", "-o", "name", "--ignore-not-found").split())
