"""The charts' own lives: upgrade from older charts, rollback, the node's power, and uninstalling."""

import json
import unittest

from cluster import HERE, settled, wait_until
from product import install, load_images, world
from scale_test import Load
from trip_test import everything


# The charts as they first were, packaged under a version of their own: the final-state policy knew neither MarbleRun's labels
# nor what the webhook leaves, the webhook had more rights, and model servers did not tell their pod's UID. Their images are
# today's: only one version of the programs is at hand. The first release takes their place.
OLDER, OLDER_SERVING = (HERE / "testdata" / f"{name}-0.0.1.tgz" for name in ("strongroom", "strongroom-serving"))
LOADED = ("--set", "image.registry=localhost")  # these charts named no registry


class Upgrade(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = world(cls.lab)
        cls.world.serve()

    def answers(self):
        self.world.ask("digits.models.svc.cluster.local:8500", on_node=True)
        with self.world.reach():
            self.world.verify("--manifest", "manifest.json")

    def check_chart(self, older):
        """That the objects are those of the one chart or the other, and that everything works."""
        self.assertEqual(self.installed("strongroom") == "strongroom-0.0.1", older)
        [policy] = [item for item in self.lab.get("validatingadmissionpolicies")["items"] if "strongroom" in item["metadata"]["name"]]
        self.assertEqual("marblerun/marbletype" in json.dumps(policy["spec"]), not older)
        role = self.lab.get("role", "strongroom-webhook", "-n", "strongroom")
        self.assertEqual(any("update" in rule["verbs"] for rule in role["rules"]), older)
        self.answers()

    def check_serving_chart(self, older, delay):
        """The same for the model servers: that one pod of this chart, with this value, is all that is left."""
        self.assertEqual(self.installed("models") == "strongroom-serving-0.0.1", older)
        [pod] = wait_until("one pod", lambda: (lambda pods: len(pods) == 1 and pods)(self.world.pods()))
        main = pod["spec"]["containers"][0]
        self.assertEqual("EDG_MARBLE_UUID_FILE" in {entry["name"] for entry in main["env"]}, not older)
        self.assertEqual(main["lifecycle"]["preStop"]["sleep"]["seconds"], delay)
        self.answers()

    def installed(self, namespace):
        [release] = json.loads(self.lab.helm(4, "list", "-n", namespace, "-o", "json"))
        return release["chart"]

    def rollback(self, release, namespace):
        """To its first revision."""
        history = json.loads(self.lab.helm(4, "history", release, "-n", namespace, "-o", "json"))
        self.lab.helm(4, "rollback", release, str(history[0]["revision"]), "-n", namespace, "--wait", "--timeout", "240s")

    def test_upgrade_from_the_older_charts_rollback_and_upgrade_keep_manifest_and_answers_and_fail_no_request(self):
        self.world.clear()
        load_images(self.lab)
        install(self.lab, 4, *LOADED, chart=OLDER)
        self.world.done.add("install")
        self.world.serve(*LOADED, chart=OLDER_SERVING)
        self.check_chart(older=True)
        self.check_serving_chart(older=True, delay=5)
        load = Load(self.world, "dns:///digits-headless.models.svc.cluster.local:8500")
        try:
            install(self.lab, 4, command="upgrade")
            self.check_chart(older=False)
            self.world.helm_serving("upgrade", "--set", "drain.delaySeconds=4")
            self.check_serving_chart(older=False, delay=4)
            self.rollback("strongroom", "strongroom")
            self.check_chart(older=True)
            self.rollback("digits", "models")
            self.check_serving_chart(older=True, delay=5)
            install(self.lab, 4, command="upgrade")
            self.world.helm_serving("upgrade")
            self.check_chart(older=False)
            self.check_serving_chart(older=False, delay=5)
            result = load.finish()
        finally:
            load.kill()
        print(f"   {result['requests']} requests, {len(result['failed'])} failed, p50 {result['p50_ms']} ms, p99 {result['p99_ms']} ms")
        self.assertGreater(result["requests"], 100)
        self.assertEqual((result["failed"], result["wrong"]), ([], 0))

    def test_all_comes_back_after_the_node_lost_its_power(self):
        self.lab.command("stop")
        self.lab.up()
        for namespace, deployment in (("strongroom", "strongroom-coordinator"), ("models", "digits")):
            self.world.scale(1, deployment, namespace, seconds=240)
        wait_until("an answer", lambda: self.answers() or True, 120)

    def test_uninstalling_both_leaves_nothing(self):
        self.lab.helm(4, "uninstall", "digits", "-n", "models", "--wait", "--timeout", "120s")
        self.lab.helm(4, "uninstall", "strongroom", "-n", "strongroom", "--wait", "--timeout", "120s")
        self.world.forget()
        settled("only what was there before the charts is left", lambda: ours(self.lab), set())
        self.lab.kubectl("delete", "namespace", "models", "strongroom", "--timeout=120s")


def ours(lab):
    """What is left in our two namespaces, or anywhere under our name."""
    mine = {"serviceaccount/default", "configmap/kube-root-ca.crt", "namespace/strongroom", "namespace/models",
            "persistentvolumeclaim/models", "secret/client"}
    inside = {name for namespace in ("strongroom", "models")
              for name in lab.kubectl("get", "all,cm,secret,sa,pvc,role,rolebinding,networkpolicy,pdb,lease", "-n", namespace, "-o", "name").split()}
    outside = {name for name in everything(lab) if "strongroom" in name}
    return {name for name in inside | outside if name not in mine}
