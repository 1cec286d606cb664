"""The node itself: what every other claim rests on."""

import json
import unittest
import urllib.request

from cluster import BUSYBOX, restricted_pod, wait_until


class Node(unittest.TestCase):
    def test_is_ready_and_is_the_version_that_the_lab_names(self):
        node = self.lab.get("node", "knode")
        conditions = {c["type"]: c["status"] for c in node["status"]["conditions"]}
        self.assertEqual(conditions["Ready"], "True")
        settings = (self.lab.command("status"))
        self.assertIn(node["status"]["nodeInfo"]["kubeletVersion"], settings)
        server = json.loads(self.lab.kubectl("version", "-o", "json"))["serverVersion"]
        self.assertEqual(server["gitVersion"], node["status"]["nodeInfo"]["kubeletVersion"])

    def test_both_helms_are_there(self):
        for major in (3, 4):
            self.assertRegex(self.lab.helm(major, "version", "--short"), rf"^v{major}\.")

    def test_a_pod_runs_restricted_with_a_numeric_user_and_a_read_only_root(self):
        with self.lab.namespace("restricted", enforce="restricted") as namespace:
            self.lab.apply(restricted_pod("first", "sh", "-c", "id -u; touch /x 2>&1; echo $?; sleep 600"), namespace=namespace)
            self.lab.wait_ready("first", namespace)
            wait_until("the pod's words", lambda: self.lab.logs("first", namespace).count("\n") >= 3, 20)
            user, refusal, status = self.lab.logs("first", namespace).splitlines()
            self.assertEqual(user, "65532")
            self.assertIn("Read-only file system", refusal)
            self.assertEqual(status, "1")

    def test_pod_security_refuses_what_restricted_forbids(self):
        with self.lab.namespace("strict", enforce="restricted") as namespace:
            for name, change in (
                    ("privileged", {"securityContext": {"privileged": True}}),
                    ("capabilities", {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"add": ["SYS_ADMIN"]}}}),
                    ("escalation", {"securityContext": {"capabilities": {"drop": ["ALL"]}}})):
                with self.subTest(name):
                    said = self.lab.apply_refused(restricted_pod(name, "sleep", "1", container=change), namespace=namespace)
                    self.assertIn('violates PodSecurity "restricted:latest"', said)
            volume = restricted_pod("hostpath", "sleep", "1", volumes=[{"name": "host", "hostPath": {"path": "/"}}])
            self.assertIn("restricted volume types", self.lab.apply_refused(volume, namespace=namespace))

    def test_services_and_cluster_names_work_and_outside_names_do_not_exist(self):
        with self.lab.namespace("names") as namespace:
            server = restricted_pod("web", "httpd", "-f", "-p", "8080", "-h", "/srv", volumes=[{"name": "srv", "emptyDir": {}}],
                                    container={"volumeMounts": [{"name": "srv", "mountPath": "/srv"}]})
            service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                       "spec": {"selector": {"app": "web"}, "type": "NodePort", "ports": [{"port": 80, "targetPort": 8080}]}}
            self.lab.apply(server, service, restricted_pod("client", "sleep", "600"), namespace=namespace)
            self.lab.wait_ready("web", namespace)
            self.lab.wait_ready("client", namespace)
            self.lab.kubectl("exec", "-n", namespace, "web", "--", "sh", "-c", "echo hello >/srv/index.html")
            ask = ("exec", "-n", namespace, "client", "--", "timeout", "3", "wget", "-q", "-O", "-")
            url = f"http://web.{namespace}.svc.cluster.local/index.html"
            self.assertEqual(wait_until("an answer by the Service", lambda: self.lab.kubectl(*ask, url), 20), "hello\n")
            port = self.lab.get("service", "web", "-n", namespace)["spec"]["ports"][0]["nodePort"]
            self.assertEqual(self.lab.on_node("curl", "-sS", f"http://192.168.199.1:{port}/index.html"), "hello\n")
            with self.lab.port_forward("service/web", 80, namespace) as local:
                self.assertEqual(self.lab.kubectl(*ask, "http://web/index.html"), "hello\n")
                with urllib.request.urlopen(f"http://127.0.0.1:{local}/index.html", timeout=10) as answer:
                    self.assertEqual(answer.read(), b"hello\n")
            said = self.lab.refused("exec", "-n", namespace, "client", "--", "nslookup", "example.com.")
            self.assertIn("NXDOMAIN", said)

    def test_an_image_can_be_a_volume(self):
        with self.lab.namespace("volumes") as namespace:
            pod = restricted_pod("reader", "ls", "/image/bin/busybox",
                                 volumes=[{"name": "image", "image": {"reference": BUSYBOX, "pullPolicy": "Never"}}],
                                 container={"volumeMounts": [{"name": "image", "mountPath": "/image", "readOnly": True}]})
            self.lab.apply(pod, namespace=namespace)
            wait_until("the pod ends well", lambda: self.lab.get("pod", "reader", "-n", namespace)["status"]["phase"] == "Succeeded")
            self.assertEqual(self.lab.logs("reader", namespace), "/image/bin/busybox\n")

    def test_a_claim_is_bound_and_keeps_what_a_pod_wrote(self):
        with self.lab.namespace("claims") as namespace:
            claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
                     "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
            volume = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
                      "securityContext": {"runAsUser": 0}}
            mount = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
            self.lab.apply(claim, restricted_pod("writer", "sh", "-c", "echo kept >/data/x", container=dict(mount), **volume),
                           namespace=namespace)
            wait_until("it was written", lambda: self.lab.get("pod", "writer", "-n", namespace)["status"]["phase"] == "Succeeded")
            self.lab.apply(restricted_pod("reader", "cat", "/data/x", container=dict(mount), **volume), namespace=namespace)
            wait_until("it was read", lambda: self.lab.get("pod", "reader", "-n", namespace)["status"]["phase"] == "Succeeded")
            self.assertEqual(self.lab.logs("reader", namespace), "kept\n")

    def test_extended_resources_patched_onto_the_node_let_sgx_pods_schedule(self):
        wanted = {"resources": {"limits": {"sgx.intel.com/epc": "10Mi", "sgx.intel.com/enclave": "1"}}}
        with self.lab.namespace("sgx") as namespace:
            self.lab.apply(restricted_pod("enclave", "sleep", "600", container=wanted), namespace=namespace)
            wait_until("the scheduler's reason", lambda: "Insufficient sgx.intel.com/epc" in self.lab.events("enclave", namespace))
            patch = {"status": {"capacity": {"sgx.intel.com/epc": "64Mi", "sgx.intel.com/enclave": "20"}}}
            self.lab.kubectl("patch", "node", "knode", "--subresource=status", "--type=merge", "-p", json.dumps(patch))
            try:
                self.lab.wait_ready("enclave", namespace)
            finally:
                gone = {"status": {"capacity": {"sgx.intel.com/epc": None, "sgx.intel.com/enclave": None}}}
                self.lab.kubectl("patch", "node", "knode", "--subresource=status", "--type=merge", "-p", json.dumps(gone))
