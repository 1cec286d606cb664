"""Runs the cluster tests on a node of their own and removes it.

usage: run.py [-R REGEX] [--use NAME] [--list]

One line a claim, then "N passed, M failed, K skipped". --use NAME runs on the lab of that name, which is brought up if it
is not, and leaves it up: for a look around, and for the next run.
"""

import argparse
import importlib
import pathlib
import re
import signal
import sys
import time
import traceback
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "charts")]
from cluster import Lab, LAB, load_busybox  # noqa: E402

# In this order: what is used by all others first, what ends the node last.
MODULES = ("node_test", "render_test", "charts_test", "docs_test", "cli_test", "admission_test", "images_test", "trip_test", "modes_test", "scale_test",
           "faults_test", "webhook_test", "policies_test", "upgrade_test", "restart_test")


class Lines(unittest.TestResult):
    """One line a test, as it ends."""

    def __init__(self):
        super().__init__()
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def line(self, test, word, rest=""):
        self.counts[word] += 1
        print(f"{'skipped:' if word == 'skipped' else word} {claim(test)} ({time.monotonic() - self.began:.1f} s){rest}", flush=True)

    def addSuccess(self, test):
        self.line(test, "passed")

    def addSkip(self, test, reason):
        self.began = getattr(self, "began", time.monotonic())
        self.line(test, "skipped", f": {reason}")

    def addFailure(self, test, error):
        self.began = getattr(self, "began", time.monotonic())
        self.line(test, "failed")
        said = str(error[1])
        if len(said) > 4000:
            said = f"{said[:2000]}\n… {len(said) - 4000} characters …\n{said[-2000:]}"
        print(f"   {where(error)}\n   " + said.replace("\n", "\n   "), flush=True)

    addError = addFailure

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.addFailure(test, error)
            print(f"   in the case {str(subtest).split(') ', 1)[-1]}", flush=True)


def where(error):
    """The lines of our own tests that led to an error, outermost first."""
    frames = [frame for frame in traceback.extract_tb(error[2]) if frame.filename.endswith("_test.py")]
    return f"{error[0].__name__} at " + " < ".join(f"{pathlib.Path(f.filename).name}:{f.lineno}" for f in reversed(frames))


def claim(test):
    """node: a pod runs (from node_test.Node.test_a_pod_runs)"""
    name = test.id()
    if found := re.fullmatch(r"(\w+)_test\.\w+\.test_(\w+)", name):
        return f"{found[1]}: {found[2].replace('_', ' ')}"
    return name


def tests(pattern):
    """All tests whose claim matches, module by module, in the order they are written."""
    loader = unittest.TestLoader()
    loader.sortTestMethodsUsing = None
    suite = unittest.TestSuite()
    for name in MODULES:
        module = importlib.import_module(name)
        classes = [value for value in vars(module).values()
                   if isinstance(value, type) and issubclass(value, unittest.TestCase) and value.__module__ == name]
        for kind in classes:
            methods = [method for method in vars(kind) if method.startswith("test_")]
            suite.addTests(case for case in map(kind, methods) if re.search(pattern, claim(case)))
    return suite


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("-R", default="", dest="pattern")
    parser.add_argument("--use", default="")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    suite = tests(arguments.pattern)
    if arguments.list:
        for case in suite:
            print(claim(case))
        return 0
    lab, result = Lab(arguments.use or "test"), Lines()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the node goes too
    try:
        if not arguments.use:
            lab.down()  # what an earlier run left
        lab.up()
        load_busybox(lab)
        unittest.TestCase.lab = lab
        suite.run(result)
    finally:
        if hasattr(lab, "world"):
            lab.world.close()
        if arguments.use:
            print(f"the node is up: export KUBECONFIG={lab.kubeconfig}; STRONGROOM_LAB_NAME={arguments.use} {LAB} down removes it")
        else:
            lab.down()
    counts = result.counts
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not sum(counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
