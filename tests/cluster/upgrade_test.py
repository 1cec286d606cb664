"""The chart's own life: upgrade from an older chart, rollback, the node's power, and uninstalling."""

import json
import shutil
import unittest

from cluster import settled, wait_until
from product import CHARTS, install, world
from trip_test import everything


class Upgrade(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = world(cls.lab)
        cls.world.serve()

    def answers(self):
        self.world.ask("digits.models.svc.cluster.local:8500", on_node=True)
        with self.world.reach():
            self.world.verify("--manifest", "manifest.json")

    def test_upgrade_from_an_older_chart_and_back_keeps_manifest_and_answers(self):
        older = self.world.folder / "older"
        shutil.copytree(CHARTS / "strongroom", older)
        text = (older / "Chart.yaml").read_text().splitlines()
        (older / "Chart.yaml").write_text("\n".join("version: 0.0.1" if line.startswith("version:") else line for line in text) + "\n")
        install(self.lab, 4, "--set", "coordinator.logLevel=debug", chart=older, command="upgrade")
        self.answers()
        install(self.lab, 4, command="upgrade")
        self.answers()
        history = json.loads(self.lab.helm(4, "history", "strongroom", "-n", "strongroom", "-o", "json"))
        self.lab.helm(4, "rollback", "strongroom", str(history[-2]["revision"]), "-n", "strongroom", "--wait", "--timeout", "240s")
        self.answers()
        chart = json.loads(self.lab.helm(4, "list", "-n", "strongroom", "-o", "json"))[0]["chart"]
        self.assertEqual(chart, "strongroom-0.0.1")
        install(self.lab, 4, command="upgrade")

    def test_all_comes_back_after_the_node_lost_its_power(self):
        self.lab.command("stop")
        self.lab.up()
        for namespace, deployment in (("strongroom", "strongroom-coordinator"), ("models", "digits")):
            self.world.scale(1, deployment, namespace, seconds=240)
        wait_until("an answer", lambda: self.answers() or True, 120)

    def test_uninstalling_both_leaves_nothing(self):
        self.lab.helm(4, "uninstall", "digits", "-n", "models", "--wait", "--timeout", "120s")
        self.lab.helm(4, "uninstall", "strongroom", "-n", "strongroom", "--wait", "--timeout", "120s")
        self.world.done -= {"install", "keys", "serve"}
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
