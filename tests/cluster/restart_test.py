"""The node goes away: by a pulled plug, and for good. Last, since nothing else can run afterwards."""

import os
import pathlib
import unittest

from cluster import restricted_pod, wait_until


def namespaces(process):
    """The Linux namespaces that a process is in."""
    return {os.readlink(f"/proc/{process}/ns/{kind}") for kind in ("mnt", "net", "pid", "ipc", "uts", "cgroup")}


def inhabitants(wanted):
    """Processes of the machine in any of the namespaces `wanted`."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if namespaces(process) & wanted:
                found.append(pathlib.Path(f"/proc/{process}/cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended
            continue
    return found


class Restart(unittest.TestCase):
    def test_a_node_that_lost_its_power_comes_back_with_its_objects_and_pods(self):
        pod = restricted_pod("survivor", "sleep", "600") | {}
        pod["spec"]["restartPolicy"] = "Always"
        self.lab.apply(pod)
        self.lab.wait_ready("survivor")
        before = self.lab.get("pod", "survivor")
        self.lab.command("stop")
        self.lab.up()
        wait_until("the pod was started again", lambda: self.lab.get("pod", "survivor")["status"]["containerStatuses"][0]["restartCount"] >= 1)
        self.lab.wait_ready("survivor")
        self.assertEqual(self.lab.get("pod", "survivor")["metadata"]["uid"], before["metadata"]["uid"])

    def test_down_leaves_nothing(self):
        first = (self.lab.state / "run/init").read_text().split()[0]
        mine = namespaces(first) - namespaces("self")
        self.assertTrue(len(inhabitants(mine)) > 10)
        cgroups = [line.split()[1] for line in (self.lab.state / "run/cgroups").read_text().splitlines()]
        self.lab.down()
        self.assertEqual(inhabitants(mine), [])
        self.assertEqual([folder for folder in cgroups if os.path.exists(folder)], [])
        self.assertNotIn(str(self.lab.state), pathlib.Path("/proc/self/mountinfo").read_text())
        self.assertFalse(self.lab.state.exists())
        for _ in range(2):  # any number of times
            self.lab.down()
