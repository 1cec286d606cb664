"""docs/operate/kubernetes.md, typed by a machine: every command block of its simulation part, in order, in one shell."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from cluster import SOURCE, wait_until

PAGE = SOURCE / "docs/operate/kubernetes.md"
BIN = pathlib.Path(os.environ.get("STRONGROOM_BIN", SOURCE / "build/dev/bin")).resolve()
# What of the source a reader's commands touch.
TOUCHED = (".venv", "CHANGELOG.md", "deploy", "docs", "examples", "src", "tests", "tools")


def blocks():
    return re.findall(r"<!-- test: simulation -->\n```sh\n(.*?)```", PAGE.read_text(), re.S)


class Docs(unittest.TestCase):
    def test_a_readers_commands_lead_from_nothing_to_an_answer_and_back(self):
        found = blocks()
        self.assertGreaterEqual(len(found), 7)
        self.assertIn("tools/images", found[0])
        with tempfile.TemporaryDirectory(prefix="strongroom-docs-") as folder:
            clone = pathlib.Path(folder)
            for name in TOUCHED:
                (clone / name).symlink_to(SOURCE / name)
            (clone / "build").mkdir()
            (clone / "build/release").symlink_to(BIN.parent)  # what is tested, whatever its preset
            self.type(clone, found[0])
            self.lab.load(*sorted((clone / "build/images").glob("*.tar")))
            said = self.type(clone, "\n".join(found))
        self.assertIn("is the coordinator you expect", said)
        self.assertRegex(said, r"Phase: +Succeeded")
        self.assertRegex(said, r"9\d\.\d% of 450 digits are right")
        wait_until("nothing of ours is left", lambda: not self.left(), 60)

    def left(self):
        """Names of our objects; pods that drain go some seconds after the command."""
        return self.lab.kubectl("get", "all,configmaps,secrets,networkpolicies,clusterroles,mutatingwebhookconfigurations,"
                                "validatingwebhookconfigurations,validatingadmissionpolicies,persistentvolumes", "-A", "-o", "name",
                                "-l", "app.kubernetes.io/part-of=strongroom")

    def type(self, folder, commands):
        """What a shell prints that stops at the first command that fails."""
        environment = {**self.lab.environment, "STRONGROOM_BIN": str(BIN), "HOME": str(folder)}
        result = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, check=False)
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout
