"""The charts as the API server sees them, before anything runs: every default, schema, CEL rule and Pod Security level."""

import unittest

import crds
from charts import CHARTS, NAMES
from cluster import SOURCE, restricted_pod, wait_until


class Charts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = [word for file in crds.fetch() for word in ("-f", file)]
        cls.lab.kubectl("apply", "--server-side", *cls.files)
        cls.lab.kubectl("wait", "--for=condition=Established", "--timeout=60s", *cls.files)

    @classmethod
    def tearDownClass(cls):
        cls.lab.kubectl("delete", "--wait=true", "--timeout=120s", *cls.files)

    def test_the_api_server_takes_every_object_and_pod_security_warns_of_none(self):
        for chart in NAMES:
            with self.lab.namespace(chart, enforce="restricted", warn="restricted") as namespace:
                for values in sorted((CHARTS / chart / "ci").glob("*-values.yaml")):
                    with self.subTest(chart=chart, values=values.name):
                        objects = self.lab.helm(4, "template", "release", CHARTS / chart, "-n", namespace, "-f", values)
                        taken = self.lab.kubectl("apply", "--server-side", "--dry-run=server", "--warnings-as-errors",
                                                 "-n", namespace, "-f", "-", stdin=objects)
                        self.assertEqual(taken.count("(server dry run)"), objects.count("\nkind: "))

    def test_the_pods_for_confidential_vms_are_taken_and_pod_security_warns_of_none(self):
        classes = [{"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": f"kata-qemu-{tee}"}, "handler": "runc"}
                   for tee in ("tdx", "snp")]
        self.lab.apply(*classes)
        self.addCleanup(self.lab.kubectl, "delete", "runtimeclass", *(item["metadata"]["name"] for item in classes))
        with self.lab.namespace("coco", enforce="restricted", warn="restricted") as namespace:
            for file in sorted((SOURCE / "deploy/coco").glob("*.yaml")):
                with self.subTest(file.name):
                    for text in (file.read_text(), file.read_text().replace("kata-qemu-tdx ", "kata-qemu-snp ").replace("tee: tdx}", "tee: snp}")):
                        taken = self.lab.kubectl("apply", "--server-side", "--dry-run=server", "--warnings-as-errors", "-n", namespace,
                                                 "-f", "-", stdin=text)
                        self.assertIn("(server dry run)", taken)

    def test_a_restricted_pod_reaches_the_socket_of_the_nodes_daemon_and_waits_where_there_is_none(self):
        folder, socket = "/var/run/aesmd", "/var/run/aesmd/aesm.socket"
        pod = restricted_pod("asker", "sh", "-c", f"test -S {socket} && test -w {socket} && ! touch {folder}/more && sleep 600", container={
            "volumeMounts": [{"name": "aesmd-socket", "mountPath": folder, "readOnly": True}]},
            volumes=[{"name": "aesmd-socket", "persistentVolumeClaim": {"claimName": "strongroom-aesmd", "readOnly": True}}])
        with self.lab.namespace("asking", enforce="restricted", warn="restricted") as namespace:
            objects = self.lab.helm(4, "template", "release", CHARTS / "strongroom", "-n", namespace, "--set", "tee.quoteProvider=aesmd",
                                    "--show-only", "templates/aesmd.yaml")
            self.lab.kubectl("apply", "--server-side", "-n", namespace, "-f", "-", stdin=objects)
            self.addCleanup(self.lab.kubectl, "delete", "persistentvolume", f"strongroom-aesmd-{namespace}")
            self.lab.apply(pod, namespace=namespace)
            wait_until("the node's reason", lambda: f"hostPath type check failed: {folder} is not a directory" in self.lab.events("asker", namespace))
            self.addCleanup(self.lab.on_node, "rm", "-rf", folder)
            self.lab.on_node("python3", "-c", f"import os, socket; os.mkdir('{folder}'); "
                             f"socket.socket(socket.AF_UNIX).bind('{socket}'); os.chmod('{socket}', 0o777)")
            self.lab.wait_ready("asker", namespace, seconds=90)

    def test_a_pod_for_a_confidential_vm_says_what_the_cluster_lacks(self):
        pod = restricted_pod("vm", "sleep", "600", runtimeClassName="kata-qemu-tdx")
        with self.lab.namespace("lacking", enforce="restricted") as namespace:
            self.assertIn('RuntimeClass "kata-qemu-tdx" not found', self.lab.apply_refused(pod, namespace=namespace))
            self.lab.apply({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "kata-qemu-tdx"},
                            "handler": "kata-qemu-tdx"})
            self.addCleanup(self.lab.kubectl, "delete", "runtimeclass", "kata-qemu-tdx")
            self.lab.apply(pod, namespace=namespace)
            wait_until("the node's reason", lambda: 'no runtime for "kata-qemu-tdx" is configured' in self.lab.events("vm", namespace))
            [state] = self.lab.get("pod", "vm", "-n", namespace)["status"]["containerStatuses"]
            self.assertEqual(state["state"]["waiting"]["reason"], "ContainerCreating")

    def test_the_kserve_examples_fit_kserves_own_definitions(self):
        with self.lab.namespace("models", enforce="restricted"):
            for file in sorted((SOURCE / "deploy/kserve").glob("*.yaml")):
                with self.subTest(file.name):
                    taken = self.lab.kubectl("apply", "--server-side", "--dry-run=server", "--warnings-as-errors", "-f", file)
                    self.assertIn("(server dry run)", taken)
