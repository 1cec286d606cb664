"""Model servers under load: more of them, fewer of them, and what happens when they or the coordinator are killed."""

import contextlib
import json
import re
import subprocess
import unittest

from cluster import HERE, LAB, SOURCE, wait_line, wait_until
from product import measurement, world


class Load:
    """load.py on the node, from start to finish()."""

    def __init__(self, world, target, *words):
        files = {"--image": world.client.folder / "images.npy", "--answer": world.client.folder / "probabilities.npy",
                 **world.credentials()}
        command = [LAB, "run", "--", SOURCE / ".venv/bin/python", HERE / "load.py", target, "--model", "digits", *words]
        command += [word for pair in files.items() for word in pair]
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.DEVNULL, env=world.lab.environment)
        wait_line(self.process, "asking", 60)

    def finish(self):
        out, _ = self.process.communicate(timeout=120)
        return json.loads(out.splitlines()[-1])

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Scale(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = world(cls.lab)
        cls.world.serve()

    @contextlib.contextmanager
    def load(self, *words):
        load = Load(self.world, "dns:///digits-headless.models.svc.cluster.local:8500", *words)
        try:
            yield load
        finally:
            load.kill()

    def answered(self):
        """Requests that each pod has answered, by its own metrics."""
        return {pod["metadata"]["name"]: requests(self.lab.on_node("curl", "-sS", f"http://{pod['status']['podIP']}:8080/metrics"))
                for pod in self.world.pods()}

    def served(self, pods, count):
        """Waits until each pod has answered `count` requests more than in `pods`; the increase by pod."""
        def increase():
            more = {name: value - pods.get(name, 0) for name, value in self.answered().items()}
            return more if len(more) == len(self.world.pods()) and min(more.values()) >= count else None
        return wait_until(f"every pod answers {count} requests", increase, 120)

    def test_from_one_to_three_and_back_under_load_no_request_fails(self):
        with self.load() as load:
            self.served(self.answered(), 50)
            self.world.scale(3)
            self.served(self.answered(), 1)  # clients have found all three
            share = self.served(self.answered(), 100)
            self.world.scale(1)
            self.served(self.answered(), 50)
            result = load.finish()
        total = sum(share.values())
        print("   share per pod: " + ", ".join(f"{name.rsplit('-', 1)[1]} {100 * n / total:.0f} %" for name, n in share.items()))
        print(f"   {result['requests']} requests, {len(result['failed'])} failed, p50 {result['p50_ms']} ms, p99 {result['p99_ms']} ms")
        self.assertEqual((result["failed"], result["wrong"]), ([], 0))
        self.assertGreater(min(share.values()) / total, 0.2)

    def test_every_new_pod_was_attested_for_itself_and_once(self):
        self.world.scale(1)
        before, old = len(self.world.audit()), self.world.pods()
        self.world.scale(3)
        known = {pod["metadata"]["uid"] for pod in old}
        new = [pod for pod in self.world.pods() if pod["metadata"]["uid"] not in known]
        self.assertEqual([restarts(self.lab, pod["metadata"]["name"], "models") for pod in new], [0, 0])
        added = [entry for entry in self.world.audit()[before:] if entry["event"].startswith("activat")]
        self.world.scale(1)
        self.assertEqual(sorted((entry["event"], entry["uuid"]) for entry in added),
                         sorted(("activated", pod["metadata"]["uid"]) for pod in new))
        for entry in added:
            self.assertEqual((entry["marble"], entry["mrenclave"], entry["anchor"], entry["tcb-status"]),
                             ("modelserver", measurement("modelserver"), self.world.identity()[3], "UpToDate"))
        self.assertEqual(len({entry["evidence"] for entry in added} | {entry["certificate"] for entry in added}), 4, "each its own")

    def test_a_killed_model_server_is_replaced_and_only_its_own_requests_fail(self):
        self.world.scale(2)
        with self.load() as load:
            before = self.answered()
            self.served(before, 30)
            victim = self.world.pods()[0]["metadata"]["name"]
            kill_main_process(self.lab, victim, "models")
            wait_until("the container was started again", lambda: restarts(self.lab, victim, "models") >= 1)
            self.lab.wait_ready(victim, "models", 120)
            self.served({}, 30)
            result = load.finish()
        self.world.scale(1)
        print(f"   {result['requests']} requests, {len(result['failed'])} failed: {sorted(set(result['failed']))}")
        self.assertEqual(result["wrong"], 0)
        self.assertLessEqual(len(result["failed"]), 8)  # at most what four clients had under way, twice
        for error in result["failed"]:
            self.assertTrue(error.startswith("UNAVAILABLE"), error)

    def test_a_killed_coordinator_costs_no_request_and_keeps_its_manifest(self):
        [pod] = self.world.pods("strongroom", "app.kubernetes.io/name=coordinator")
        name = pod["metadata"]["name"]
        with self.load() as load:
            self.served(self.answered(), 20)
            kill_main_process(self.lab, name, "strongroom")
            wait_until("the container was started again", lambda: restarts(self.lab, name, "strongroom") >= 1)
            self.lab.wait_ready(name, "strongroom", 120)
            self.served(self.answered(), 20)
            result = load.finish()
        self.assertEqual((result["failed"], result["wrong"]), ([], 0))
        with self.world.reach():
            self.world.verify("--manifest", "manifest.json")
        self.world.scale(2)  # and it still gives keys
        self.world.scale(1)


def requests(metrics):
    """Sum of the inference requests in a text of Prometheus metrics."""
    found = re.findall(r"^strongroom_serving_requests_total\S* ([0-9.e+]+)$", metrics, re.M)
    return int(sum(map(float, found)))


def restarts(lab, pod, namespace):
    return lab.get("pod", pod, "-n", namespace)["status"]["containerStatuses"][0]["restartCount"]


def kill_main_process(lab, pod, namespace):
    """kill -9 of a pod's first container, from the node."""
    container = lab.get("pod", pod, "-n", namespace)["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    tasks = lab.on_node("ctr", "-n", "k8s.io", "task", "ls")
    lab.on_node("kill", "-9", re.search(rf"^{container} +(\d+)", tasks, re.M)[1])
