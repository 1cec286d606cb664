"""The Kubernetes way in, typed by a machine: every command block of the simulation part of docs/operate/kubernetes.md, in order,
and README's block, which brings about what the first ones do and from which the others must go on."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from cluster import LAB, SOURCE, wait_until

README, PAGE = SOURCE / "README.md", SOURCE / "docs/operate/kubernetes.md"
BIN = pathlib.Path(os.environ.get("STRONGROOM_BIN", SOURCE / "build/dev/bin")).resolve()
# What of the source a reader's commands touch.
TOUCHED = (".venv", "CHANGELOG.md", "deploy", "docs", "examples", "src", "tests", "tools")
# kind's part of README's block, done by the test lab.
KIND = """#!/bin/sh
[ "$1 $2 $#" = "load image-archive 3" ] && exec {lab} load "$3"
"""


def blocks(page):
    return re.findall(r"<!-- test: simulation -->\n```sh\n(.*?)```", page.read_text(), re.S)


class Docs(unittest.TestCase):
    def test_a_readers_commands_lead_from_nothing_to_an_answer_and_back(self):
        [way_in], found = blocks(README), blocks(PAGE)
        self.assertGreaterEqual(len(found), 7)
        self.assertIn("helm test", found[2], "its first part")
        self.assertIn("`tools/images --load tests/cluster/lab` above", PAGE.read_text())
        self.assertEqual(found[0].splitlines()[0], "tools/images")
        found[0] = found[0].replace("tools/images", "tools/images --load tests/cluster/lab", 1)  # as the page says of this cluster
        with tempfile.TemporaryDirectory(prefix="strongroom-docs-") as folder:
            clone = pathlib.Path(folder)
            for name in TOUCHED:
                (clone / name).symlink_to(SOURCE / name)
            (clone / "build").mkdir()
            (clone / "build/release").symlink_to(BIN.parent)  # what is tested, whatever its preset
            (clone / "programs").mkdir()
            (clone / "programs/kind").write_text(KIND.format(lab=LAB))
            (clone / "programs/kind").chmod(0o755)
            first = self.type(clone, "\n".join(found[:3]))
            said = self.type(clone, "\n".join([way_in, *found[3:]]))
        for text in (first, said):
            self.assertIn("is the coordinator you expect", text)
        self.assertRegex(first, r"Phase: +Succeeded")
        self.assertRegex(said, r"9\d\.\d% of 450 digits are right")
        wait_until("nothing of ours is left", lambda: not self.left(), 60)

    def left(self):
        """Names of our objects; pods that drain go some seconds after the command."""
        return self.lab.kubectl("get", "all,configmaps,secrets,networkpolicies,clusterroles,mutatingwebhookconfigurations,"
                                "validatingwebhookconfigurations,validatingadmissionpolicies,persistentvolumes", "-A", "-o", "name",
                                "-l", "app.kubernetes.io/part-of=strongroom")

    def type(self, folder, commands):
        """What a shell prints that stops at the first command that fails."""
        environment = {**self.lab.environment, "STRONGROOM_BIN": str(BIN), "HOME": str(folder),
                       "STRONGROOM_LAB_CACHE": str(self.lab.cache.parent),  # else it is below HOME
                       "PATH": f"{folder / 'programs'}:{self.lab.environment['PATH']}"}
        result = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, check=False)
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout
