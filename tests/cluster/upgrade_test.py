"""The chart's own life: upgrade from an older chart, rollback, the node's power, and uninstalling."""

import json
import unittest

from cluster import HERE, settled, wait_until
from product import install, load_images, world
from trip_test import everything


# The chart as it first was, packaged under a version of its own: its final-state policy knew neither MarbleRun's labels nor
# what the webhook leaves, and the webhook had more rights. Its images are today's: only one version of the programs is at hand.
# The first release takes its place.
OLDER = HERE / "testdata/strongroom-0.0.1.tgz"


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
        [release] = json.loads(self.lab.helm(4, "list", "-n", "strongroom", "-o", "json"))
        self.assertEqual(release["chart"] == "strongroom-0.0.1", older)
        [policy] = [item for item in self.lab.get("validatingadmissionpolicies")["items"] if "strongroom" in item["metadata"]["name"]]
        self.assertEqual("marblerun/marbletype" in json.dumps(policy["spec"]), not older)
        role = self.lab.get("role", "strongroom-webhook", "-n", "strongroom")
        self.assertEqual(any("update" in rule["verbs"] for rule in role["rules"]), older)
        self.answers()

    def test_upgrade_from_the_older_chart_rollback_and_upgrade_keep_manifest_and_answers(self):
        self.world.clear()
        load_images(self.lab)
        install(self.lab, 4, "--set", "image.registry=localhost", chart=OLDER)
        self.world.done.add("install")
        self.world.serve()
        self.check_chart(older=True)
        install(self.lab, 4, command="upgrade")
        self.check_chart(older=False)
        history = json.loads(self.lab.helm(4, "history", "strongroom", "-n", "strongroom", "-o", "json"))
        self.lab.helm(4, "rollback", "strongroom", str(history[0]["revision"]), "-n", "strongroom", "--wait", "--timeout", "240s")
        self.check_chart(older=True)
        install(self.lab, 4, command="upgrade")
        self.check_chart(older=False)

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
