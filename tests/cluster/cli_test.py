"""The command line on a real cluster: what each flag of `install` leads to, and what one reads when something is wrong.

Installations are of namespaces of their own, so several come up, or fail, at the same time."""

import contextlib
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

from cluster import certificate, settled
from product import BIN, CHARTS, image_tag, load_images, world
from trip_test import everything
from webhook_test import patch_node

FAILED, UNREACHABLE = 1, 5
IDENTITY = CHARTS / "strongroom/files/simulated-coordinator.json"
INTEL = {"sgx.intel.com/epc": "64Mi", "sgx.intel.com/enclave": "20", "sgx.intel.com/provision": "20"}
PCCS = "https://pccs.example:8081/sgx/certification/v4/"
# The wait ends 15 s after a failure is known; the rest is for a machine that is busy.
BOUND = 60
NAMESPACES = {"rooms", "hardware", "never", "absent", "pulled", "full", "lost", "wrong", "ended", "whole", "stopped"}


class Command:
    """A strongroom that runs beside the test, in a home of its own."""

    def __init__(self, lab, home, *words, **environment):
        self.words = [str(word) for word in words]
        self.began = time.monotonic()
        # A shell starts what it runs in the background with Ctrl-C ignored, and the tests may run there.
        self.process = subprocess.Popen([BIN / "strongroom", *self.words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**lab.environment, "HOME": str(home), **environment}, cwd=home,
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def end(self, seconds=120):
        """Exit status, and both outputs as one text."""
        out, err = self.process.communicate(timeout=seconds)
        self.seconds = time.monotonic() - self.began
        self.out, self.err = out, err
        return self.process.returncode, out + err


class Cli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        world(cls.lab).clear()
        world(cls.lab).done.discard("install")
        load_images(cls.lab)
        cls.home = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="strongroom-cli-")))
        cls.before = everything(cls.lab)
        cls.ways_of_others = port_forwards()

    def tearDown(self):
        """A test that failed leaves nothing to the next."""
        left = {name.split("/")[1] for name in self.lab.kubectl("get", "namespaces", "-o", "name").split()} & NAMESPACES
        if left:
            world(self.lab).clear()
            self.lab.kubectl("delete", "namespace", *left, "--timeout=120s")

    def start(self, *words, **environment):
        """Installs what was loaded: the program may be a commit younger than its images."""
        if words[0] == "install" and "--image-tag" not in words:
            words += ("--image-tag", image_tag())
        return Command(self.lab, self.home, *words, **environment)

    def says(self, status, *words, **environment):
        """What a command prints that ends with `status`."""
        found, text = self.start(*words, **environment).end()
        self.assertEqual(found, status, f"{' '.join(map(str, words))}\n{text}")
        return text

    def remove(self, *names):
        """Uninstalls, with the namespaces; all at the same time."""
        for command in [self.start("uninstall", "-n", name, "--delete-namespace") for name in names]:
            status, text = command.end()
            self.assertEqual(status, 0, text)

    def assert_nothing_is_left(self):
        settled("the objects are those of before", lambda: everything(self.lab) ^ self.before, set())

    # Flags

    def test_one_installs_sees_and_removes_it_with_names_and_ports_of_its_own(self):
        text = self.says(0, "install", "--simulation", "-n", "rooms", "--domain", "a.example,192.0.2.1", "--domain", "b.example",
                         "--mesh-server-port", "2002", "--client-server-port", "4434", "--disable-auto-injection")
        self.assertIn('made namespace rooms, in which Pod Security is "restricted"\n', text)
        self.assertIn("rooms: coordinator 1/1, pccs 1/1\n*** TEST *** the coordinator runs in a SIMULATED TEE", text)
        self.assertIn(f"next:\n  strongroom verify -n rooms --identity {IDENTITY}\n  strongroom manifest set manifest.json -n rooms\n", text)
        self.assertLessEqual({"coordinator-mesh-api": [2002], "coordinator-client-api": [4434]}.items(), self.ports("rooms").items())
        names = self.environment("rooms")["EDG_COORDINATOR_DNS_NAMES"].split(",")
        self.assertEqual(names[-3:], ["a.example", "192.0.2.1", "b.example"])
        self.assertEqual([name for name in everything(self.lab) if name.startswith("mutatingwebhookconfiguration")], [])
        self.assertEqual(self.says(0, "check", "-n", "rooms").splitlines()[0], "rooms: coordinator 1/1, pccs 1/1")
        with self.subTest("a second time"):
            text = self.says(0, "install", "--simulation", "-n", "rooms", "--disable-auto-injection")
            self.assertIn("namespace rooms has it already (revision 1, deployed): upgrading; what is not named now goes back to its default\n", text)
            self.assertEqual(self.ports("rooms")["coordinator-mesh-api"], [2001])
        with self.subTest("commands of the owner"):
            self.commands_reach_it_and_close_their_way("rooms")
        with self.subTest("uninstall"):
            text = self.says(0, "uninstall", "-n", "rooms", "--delete-namespace")
            self.assertEqual(text, "uninstalled from namespace rooms; manifest, certificates and secrets of its coordinator are gone\n"
                                   "namespace rooms is gone too\n")
            self.assertNotIn("namespace/rooms", self.lab.kubectl("get", "namespaces", "-o", "name"))
            self.assert_nothing_is_left()
            self.assertEqual(self.says(FAILED, "uninstall", "-n", "rooms"), "strongroom: nothing of ours is installed in namespace rooms\n"
                             "next: helm list --all-namespaces --filter strongroom\n")

    def ports(self, namespace):
        return {item["metadata"]["name"]: [port["port"] for port in item["spec"]["ports"]]
                for item in self.lab.get("services", "-n", namespace)["items"]}

    def container(self, namespace):
        return self.lab.get("deployment", "strongroom-coordinator", "-n", namespace)["spec"]["template"]["spec"]["containers"][0]

    def environment(self, namespace):
        return {entry["name"]: entry["value"] for entry in self.container(namespace)["env"]}

    def commands_reach_it_and_close_their_way(self, name):
        context = self.lab.kubectl("config", "current-context").strip()
        place = ("-n", name, "--kube-context", context)
        here = f"kubernetes:{context}/{name}"
        said = self.says(FAILED, "status", *place)
        self.assertEqual(said, f'strongroom: {here} was never verified; run "strongroom verify --kube-context {context} -n {name} --identity FILE" first\n')
        self.assertIn(f"{here} is the coordinator you expect:\n", self.says(0, "verify", *place, "--identity", IDENTITY))
        self.assertEqual(self.says(0, "status", *place), "2: Ready to accept a manifest.\n")
        self.says(0, "user", "create", "owner")
        (self.home / "key").write_bytes(bytes(16))
        certificate = (self.home / "owner.crt").read_text()
        (self.home / "manifest.json").write_text(json.dumps({
            "Packages": {"nobody": {"UniqueID": "0" * 64}}, "Marbles": {"nobody": {"Package": "nobody", "Parameters": {}}},
            "Secrets": {"word": {"Type": "plain", "UserDefined": True}},
            "Users": {"owner": {"Certificate": certificate, "Roles": ["writer"]}},
            "Roles": {"writer": {"ResourceType": "Secrets", "ResourceNames": ["word"], "Actions": ["ReadSecret", "WriteSecret"]}}}))
        self.says(0, "manifest", "set", self.home / "manifest.json", *place)
        owner = ("-c", self.home / "owner.crt", "-k", self.home / "owner.key")
        self.says(0, "secret", "set", self.home / "key", "--from-file", "word", *place, *owner)
        self.assertIn("word", self.says(0, "secret", "get", "word", *place, *owner))
        self.assertIn("manifest-set", self.says(0, "log", *place, *owner))
        self.assertLessEqual(port_forwards(), self.ways_of_others)

    def test_flags_for_hardware_reach_coordinator_and_webhook_and_no_node_takes_it(self):
        text = self.says(FAILED, "install", "-n", "hardware", "--resource-key", "example.com/epc", "--dcap-pccs-url", PCCS,
                         "--dcap-secure-cert", "FALSE")
        self.assertRegex(text, r"pod strongroom-coordinator-\S+: no node takes it: 0/1 nodes are available: 1 Insufficient example\.com/epc\.")
        self.assertIn("\n  next: strongroom precheck (no node offers that much of it; --simulation does without)\n", text)
        self.assertTrue(text.endswith("strongroom: not everything is up\n"), text)
        self.assertNotIn("*** TEST ***", text)
        main = self.container("hardware")
        self.assertEqual({key: value for key, value in main["resources"]["limits"].items() if "/" in key}, {"example.com/epc": "64"})
        self.assertEqual(self.environment("hardware")["STRONGROOM_PCCS_URL"], PCCS)
        library = json.loads(self.lab.get("configmap", "strongroom-dcap", "-n", "hardware")["data"]["sgx_default_qcnl.conf"])
        self.assertEqual(library, {"pccs_url": PCCS, "use_secure_cert": False})
        webhook = json.loads(self.lab.get("configmap", "strongroom-webhook", "-n", "hardware")["data"]["webhook.json"])
        self.assertEqual((webhook["resource_key"], webhook["default_tee"]), ("example.com/epc", "sgx"))
        self.remove("hardware")

    # Before anything is installed

    def test_without_sgx_on_the_nodes_precheck_and_install_say_so_and_change_nothing(self):
        advice = ("install the SGX device plugin of your nodes (docs/operate/kubernetes.md), or try without hardware: "
                  "strongroom install --simulation")
        self.assertEqual(self.says(FAILED, "precheck"), f"none of 1 nodes offers SGX\nnext: {advice}\n")
        self.assertEqual(self.says(FAILED, "install", "-n", "never"), f"strongroom: none of 1 nodes offers SGX; {advice}, or name the resource "
                         "that nodes yet to come will offer: --resource-key sgx.intel.com/epc\n")
        self.assert_nothing_is_left()

    def test_precheck_finds_the_plugin_and_what_it_lacks(self):
        try:
            patch_node(self.lab, INTEL)
            self.assertEqual(self.says(0, "precheck"), "1 of 1 nodes offer SGX as sgx.intel.com/epc\nnext: strongroom install\n")
            patch_node(self.lab, {"sgx.intel.com/provision": None})
            self.assertEqual(self.says(FAILED, "precheck").splitlines()[:2],
                             ["node knode offers sgx.intel.com/epc, but not sgx.intel.com/provision", "none of 1 nodes offers SGX"])
        finally:
            patch_node(self.lab, dict.fromkeys(INTEL))

    # Failures

    def test_an_image_a_quota_and_a_certificate_that_are_not_there_are_named_with_the_next_command(self):
        self.lab.kubectl("create", "namespace", "full")
        self.lab.kubectl("create", "quota", "none", "--hard=pods=0", "-n", "full")
        values = self.home / "given.json"
        values.write_text(json.dumps(given(certificate(self.home, "strongroom-webhook.lost.svc", "lost"))))
        commands = {name: self.start("install", "--simulation", "-n", name, *words) for name, words in {
            "absent": ("--image-tag", "nowhere"), "pulled": ("--registry", "127.0.0.1:1"), "full": (), "lost": ("--values", values)}.items()}
        texts = {}
        for name, command in commands.items():
            status, texts[name] = command.end()
            self.assertEqual(status, FAILED, texts[name])
            self.assertLess(command.seconds, BOUND, texts[name])
            self.assertTrue(texts[name].endswith("strongroom: not everything is up\n"), texts[name])
        self.assertRegex(texts["absent"], r"pod strongroom-coordinator-\S+, container simtee: image localhost/strongroom/simtee:nowhere is not there: "
                         r"nobody loaded it into node knode, and it is pulled from nowhere\n"
                         r"  next: tools/images --load brings it to a test node; load it into every node of others, or name the registry that "
                         r"has it: --registry, or --set image\.registry\n")
        self.assertRegex(texts["pulled"], r"pod strongroom-coordinator-\S+, container simtee: image 127\.0\.0\.1:1/strongroom/simtee:\S+ is not there: "
                         r".*dial tcp 127\.0\.0\.1:1: connect: connection refused.*\n"
                         r"  next: tools/images --load brings it to a test node; --registry names the registry that has it, --image-tag its tag\n")
        self.assertRegex(texts["full"], r'replicaset strongroom-coordinator-\S+: pods "strongroom-coordinator-\S+" is forbidden: exceeded quota: '
                         r"none, requested: pods=1, used: pods=0, limited: pods=0\n"
                         r"  next: kubectl -n full describe resourcequota \(raise it, or set smaller resources\)\n")
        self.assertRegex(texts["lost"], r'pod strongroom-webhook-\S+: FailedMount: MountVolume\.SetUp failed for volume "tls" : secret "given" not found\n'
                         r"  next: kubectl -n lost get secrets \(the one that webhook\.tls\.existingSecret names is missing\)\n")
        for text in texts.values():
            self.assertNotIn("manifest set", text)
        self.remove("absent", "pulled", "full", "lost")
        self.assert_nothing_is_left()

    def test_a_webhook_whose_certificate_ended_or_is_another_authoritys_is_not_up(self):
        good = certificate(self.home, "strongroom-webhook.wrong.svc", "good")
        certificate(self.home, "strongroom-webhook.wrong.svc", "other")
        old = certificate(self.home, "strongroom-webhook.ended.svc", "old", days=-1)
        for name, secret, authority in (("wrong", "other", good), ("ended", "old", old)):
            self.lab.kubectl("create", "namespace", name)
            self.lab.kubectl("create", "secret", "tls", "given", "-n", name, f"--cert={self.home / secret}.crt", f"--key={self.home / secret}.key")
            (self.home / f"{name}.json").write_text(json.dumps(given(authority)))
        # One after the other: the API server asks the webhooks of both about a labelled pod.
        wrong = self.start("install", "--simulation", "-n", "wrong", "--values", self.home / "wrong.json")
        status, text = wrong.end()
        self.assertEqual(status, FAILED, text)
        self.assertLess(wrong.seconds, BOUND)
        self.assertIn("wrong: coordinator 1/1, pccs 1/1, webhook 2/2\n", text)
        self.assertRegex(text, r"mutatingwebhookconfiguration strongroom-webhook-wrong: the API server cannot call the webhook, so it refuses "
                         r'labelled pods: failed calling webhook "marble\.strongroom\.dev": .* x509: certificate signed by unknown authority')
        self.assertIn("\n  next: strongroom install -n wrong with webhook.tls.caBundle of the authority that signed the certificate in "
                      "webhook.tls.existingSecret, or without webhook.tls\n", text)
        ended = self.start("install", "--simulation", "-n", "ended", "--values", self.home / "ended.json", "--timeout", "12")
        status, text = ended.end()
        self.assertEqual(status, FAILED, text)
        self.assertRegex(text, r"pod strongroom-webhook-\S+: Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503\n"
                         r"(  log: .*\n)*  log: .* not ready error=\"the certificate ended at \S+Z, wanted a renewed one\"\n"
                         r"  next: kubectl -n ended logs strongroom-webhook-\S+\n")
        self.remove("wrong", "ended")

    def test_check_is_red_while_something_is_missing_and_green_again(self):
        self.says(0, "install", "--simulation", "-n", "whole")
        self.lab.kubectl("scale", "deployment", "strongroom-webhook", "-n", "whole", "--replicas=0")
        self.lab.kubectl("delete", "service", "coordinator-mesh-api", "-n", "whole")
        text = self.says(FAILED, "check", "-n", "whole", "--timeout", "0")
        self.assertIn("whole: coordinator 1/1, pccs 1/1, webhook 0/1\n", text)
        self.assertIn("deployment strongroom-webhook: is scaled to 0, wanted at least 1\n"
                      "  next: kubectl -n whole scale deployment strongroom-webhook --replicas=1\n", text)
        self.assertIn("service coordinator-mesh-api: is not there: nobody reaches the coordinator\n"
                      "  next: strongroom install -n whole, with the flags of before\n", text)
        found = json.loads(self.start_json("check", "-n", "whole", "--timeout", "0"))
        self.assertEqual((found["ready"], found["simulated"], len(found["problems"])), (False, True, 2))
        self.assertIn("(revision 1, deployed): upgrading", self.says(0, "install", "--simulation", "-n", "whole"))
        self.assertEqual(self.says(0, "check", "-n", "whole").splitlines()[0], "whole: coordinator 1/1, pccs 1/1, webhook 2/2")
        with self.subTest("somebody who may see this namespace only"):
            text = self.says(0, "check", "-n", "whole", KUBECONFIG=self.onlooker("whole"))
            self.assertIn("whole: coordinator 1/1, pccs 1/1, webhook 2/2\n", text)
            self.assertRegex(text, r"not known: whether the API server calls the webhook: kubectl: Error from server \(Forbidden\): "
                             r'mutatingwebhookconfigurations\S* is forbidden: User "system:serviceaccount:whole:onlooker" cannot list')
        self.remove("whole")
        self.assertEqual(self.says(FAILED, "check", "-n", "whole"),
                         "strongroom: nothing of ours is installed in namespace whole\nnext: strongroom install -n whole\n")

    def onlooker(self, namespace):
        """A kubeconfig of a ServiceAccount that may read what is in its own namespace, and nothing else."""
        self.lab.kubectl("create", "serviceaccount", "onlooker", "-n", namespace)
        self.lab.kubectl("create", "rolebinding", "onlooker", "-n", namespace, "--clusterrole=view", f"--serviceaccount={namespace}:onlooker")
        config = json.loads(self.lab.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
        config["users"][0]["user"] = {"token": self.lab.kubectl("create", "token", "onlooker", "-n", namespace)}
        file = self.home / "onlooker.json"
        file.write_text(json.dumps(config))
        return str(file)

    def start_json(self, *words):
        command = self.start("--json", *words)
        command.end()
        return command.out

    # Ctrl-C

    def test_ctrl_c_ends_install_at_once_and_says_what_stands(self):
        for moment, stands, way_out in (
                ("made namespace", r"namespace stopped( and release strongroom in namespace stopped \(revision 1, \S+\))? stands", None),
                ("waiting: ", r"namespace stopped and release strongroom in namespace stopped \(revision 1, deployed\) stands",
                 '"strongroom check -n stopped" waits on, "strongroom uninstall -n stopped --delete-namespace" removes it')):
            with self.subTest(moment):
                command = self.start("install", "--simulation", "-n", "stopped", "--image-tag", "nowhere")
                said = read_until(command.process.stderr, moment)
                command.process.send_signal(signal.SIGINT)
                signalled = time.monotonic()
                status, text = command.end()
                self.assertLess(time.monotonic() - signalled, 5)
                self.assertEqual(status, -signal.SIGINT, said + text)
                self.assertRegex(text, rf"strongroom: stopped; {stands}\nnext: ")
                if way_out:
                    self.assertIn(f"next: {way_out}\n", text)
                self.follow(re.search(r"next: (.*)\n", text)[1])
        self.assert_nothing_is_left()

    def follow(self, advice):
        """Does what the last line of an interrupted installation says."""
        self.says(0, *re.search(r'"strongroom (uninstall [^"]*)"', advice)[1].split())

    # No cluster, another cluster, another namespace

    def test_a_wrong_place_is_named(self):
        nowhere = {"KUBECONFIG": str(self.home / "nowhere")}
        unset = "set KUBECONFIG, or name a context with --kube-context"
        for words in (("check",), ("precheck",), ("install", "--simulation")):
            with self.subTest("no kubeconfig", words=words):
                self.assertIn(f"(no cluster is configured: {unset})\n", self.says(UNREACHABLE, *words, **nowhere))
        for words in (("status",), ("verify", "--identity", IDENTITY), ("manifest", "get"), ("log", "-c", "x", "-k", "y")):
            with self.subTest("no kubeconfig", words=words):
                text = self.says(FAILED, *self.with_user(words), **nowhere)
                self.assertEqual(text, "strongroom: kubectl has no current context: set KUBECONFIG, name one with --kube-context, or give "
                                       "HOST:PORT to do without\n")
            with self.subTest("no such context", words=words):
                text = self.says(FAILED, *self.with_user(words), "--kube-context", "nowhere")
                self.assertEqual(text, 'strongroom: there is no context "nowhere"; kubectl config get-contexts lists those there are\n')
            with self.subTest("no coordinator", words=words):
                text = self.says(FAILED, *self.with_user(words), "-n", "default")
                if words[0] == "verify":
                    self.assertRegex(text, r'strongroom: no way to kubernetes:\S+/default: .* services "coordinator-client-api" not found; '
                                     r'run "strongroom check -n default" to see why\n')
                else:
                    self.assertEqual(text, 'strongroom: no coordinator is installed in namespace default: run "strongroom check -n default", '
                                           "or name another with -n\n")
        self.assertIn('context "nowhere" does not exist', self.says(FAILED, "check", "--kube-context", "nowhere"))
        self.assertLessEqual(port_forwards(), self.ways_of_others)

    def with_user(self, words):
        """`log` wants a user before it looks for anything."""
        if words[0] != "log":
            return words
        if not (self.home / "somebody.crt").exists():
            self.says(0, "user", "create", "somebody")
        return ("log", "-c", self.home / "somebody.crt", "-k", self.home / "somebody.key")


def given(authority):
    """Values with a certificate of the user's for the webhook."""
    return {"webhook": {"tls": {"mode": "existingSecret", "existingSecret": "given", "caBundle": authority}}}


def port_forwards():
    """Ways into a cluster that are open on this machine, by process and start: those of others are none of strongroom's."""
    found = set()
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"port-forward" in words and b"--address" in words:
                began = (folder / "stat").read_text().rpartition(")")[2].split()[19]
                found.add((folder.name, began, b" ".join(words).decode()))
    return found


def read_until(stream, words, seconds=60):
    """What a stream says until a line has `words`."""
    end, text = time.monotonic() + seconds, ""
    for line in stream:
        text += line
        if words in line:
            return text
        if time.monotonic() > end:
            break
    raise AssertionError(f"wanted a line with {words!r}, found: {text}")
