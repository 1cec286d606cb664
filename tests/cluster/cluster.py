"""The lab as the tests see it: kubectl, helm, commands on the node, waiting with a reason."""

import contextlib
import json
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
LAB = HERE / "lab"
BUSYBOX = "localhost/strongroom-test/busybox:1"


class CommandFailed(RuntimeError):
    """A command that should have worked; `output` is everything it printed."""

    def __init__(self, command, status, output):
        super().__init__(f"{' '.join(command)}: exit status {status}\n{output.strip()}")
        self.output = output


def run(*command, stdin=None, timeout=300, **options):
    """Standard output of a command that must succeed. `stdin`: text; `options`: env, cwd."""
    words = [str(word) for word in command]
    result = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False, timeout=timeout, **options)
    if result.returncode != 0:
        raise CommandFailed(words, result.returncode, result.stdout + result.stderr)
    return result.stdout


def refusal(*command, **options):
    """All output of a command that must fail."""
    try:
        output = run(*command, **options)
    except CommandFailed as failed:
        return failed.output
    raise AssertionError(f"{' '.join(map(str, command))}: succeeded, wanted a refusal\n{output}")


def wait_until(what, condition, seconds=60):
    """The first true value of `condition`, asked until then; an AssertionError that says `what` and its last words."""
    end, last = time.monotonic() + seconds, None
    while True:
        try:
            if last := condition():
                return last
        except (CommandFailed, OSError) as error:
            last = error
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain: {what}; last seen: {last}")
        time.sleep(0.1)


def settled(what, value, wanted, seconds=60):
    """Waits until `value` gives what is wanted."""
    last = [None]

    def compare():
        last[0] = value()
        return last[0] == wanted
    try:
        wait_until(what, compare, seconds)
    except AssertionError:
        raise AssertionError(f"waited {seconds} s in vain: {what}; found {last[0]}, wanted {wanted}") from None


def certificate(folder, name, file, days=1):
    """Makes FILE.crt, signed by itself, and FILE.key; its PEM."""
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
        "-keyout", folder / f"{file}.key", "-out", folder / f"{file}.csr")
    (folder / f"{file}.names").write_text(f"subjectAltName=DNS:{name}\n")
    run("openssl", "x509", "-req", "-in", folder / f"{file}.csr", "-signkey", folder / f"{file}.key", "-days", days,
        "-extfile", folder / f"{file}.names", "-out", folder / f"{file}.crt")
    return (folder / f"{file}.crt").read_text()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Lab:
    """One node. Its name keeps it apart from a lab that somebody has up beside the tests."""

    def __init__(self, name="test"):
        self.environment = {**os.environ, "STRONGROOM_LAB_NAME": name}
        self.environment.setdefault("STRONGROOM_LAB_PORT", str(free_port()))
        self.kubeconfig = None

    def command(self, *words, timeout=600):
        return run(LAB, *words, env=self.environment, timeout=timeout)

    def up(self):
        exports = dict(re.findall(r'^export (\w+)="?([^":\n]+)', self.command("up"), re.M))
        self.kubeconfig = exports["KUBECONFIG"]
        self.environment |= {"KUBECONFIG": self.kubeconfig, "PATH": f"{exports['PATH']}:{os.environ['PATH']}"}
        self.state, self.cache = pathlib.Path(self.kubeconfig).parents[1], pathlib.Path(exports["PATH"]).parent

    def down(self):
        self.command("down")

    def kubectl(self, *words, **options):
        return run("kubectl", *words, env=self.environment, **options)

    def refused(self, *words, **options):
        """What kubectl says when the API server refuses."""
        return refusal("kubectl", *words, env=self.environment, **options)

    def helm(self, major, *words, **options):
        return run(f"helm{major}", *words, env=self.environment, **options)

    def on_node(self, *words, **options):
        return run(LAB, "run", "--", *words, env=self.environment, **options)

    def load(self, *archives):
        self.command("load", *archives)

    def get(self, *words):
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def apply(self, *objects, namespace="default", arguments=()):
        """Server-side apply of objects given as dictionaries."""
        return self.kubectl("apply", "--server-side", "-n", namespace, *arguments, "-f", "-", stdin=as_list(objects))

    def apply_refused(self, *objects, namespace="default", arguments=()):
        return self.refused("apply", "--server-side", "-n", namespace, *arguments, "-f", "-", stdin=as_list(objects))

    def logs(self, pod, namespace="default", *words):
        return self.kubectl("logs", "-n", namespace, pod, *words)

    def events(self, name, namespace="default"):
        """Reasons and messages of the events about one object, as lines."""
        items = self.get("events", "-n", namespace, "--field-selector", f"involvedObject.name={name}")["items"]
        return "\n".join(f"{item['reason']}: {item['message']}" for item in items)

    def wait_ready(self, pod, namespace="default", seconds=60):
        """Waits for a pod's Ready condition; says its events when that does not come."""
        def ready():
            conditions = self.get("pod", pod, "-n", namespace)["status"].get("conditions", [])
            return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
        try:
            wait_until(f"pod {pod} is ready", ready, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.events(pod, namespace)}") from None

    @contextlib.contextmanager
    def namespace(self, name, **labels):
        """A namespace for the length of a test; `labels` without their prefix pod-security.kubernetes.io/."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {
            f"pod-security.kubernetes.io/{key}": value for key, value in labels.items()}}})
        wait_until("the namespace's service account", lambda: self.get("serviceaccount", "default", "-n", name))
        try:
            yield name
        finally:
            self.kubectl("delete", "namespace", name, "--wait=true", "--timeout=120s")

    @contextlib.contextmanager
    def port_forward(self, target, port, namespace="default", local=""):
        """A port of the machine's loopback (LOCAL, else any) that leads to PORT of TARGET (pod/x, service/x)."""
        process = subprocess.Popen(["kubectl", "port-forward", "-n", namespace, target, f"{local}:{port}"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environment)
        try:
            yield int(wait_line(process, r"Forwarding from 127\.0\.0\.1:(\d+)")[1])
        finally:
            process.terminate()
            process.communicate(timeout=20)


def wait_line(process, pattern, seconds=30):
    """The match of the first line of a process's output that has `pattern`."""
    end, text = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        if not select.select([process.stdout], [], [], 0.2)[0]:
            continue
        line = process.stdout.readline()
        text += line
        if found := re.search(pattern, line):
            return found
        if not line:
            break
    raise AssertionError(f"{process.args}: wanted a line with {pattern}, found: {text}")


def as_list(objects):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def load_busybox(lab):
    """A shell for pods, as image BUSYBOX, from Debian's BusyBox in the lab's cache. Not the static one: it cannot resolve
    names without the libraries it was linked against."""
    program = lab.cache / "debian/bin/busybox"
    with tempfile.TemporaryDirectory(prefix="strongroom-busybox-") as folder:
        root = pathlib.Path(folder, "root")
        (root / "bin").mkdir(parents=True)
        shutil.copy(program, root / "bin/busybox")
        for library in re.findall(r"/\S+", run("ldd", program)):
            (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, root / library[1:])
        for applet in ("sh", "sleep", "cat", "id", "touch", "wget", "nslookup", "httpd", "nc", "ls", "mount", "head", "env", "timeout"):
            (root / "bin" / applet).symlink_to("busybox")
        archive = pathlib.Path(folder, "image.tar")
        lab.command("image", BUSYBOX, archive, root)
        lab.load(archive)


def restricted_pod(name, *command, **spec):
    """A BusyBox pod that Pod Security's `restricted` profile admits; `spec` adds to the pod's spec."""
    container = {"name": "main", "image": BUSYBOX, "imagePullPolicy": "Never", "command": list(command),
                 "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                     "capabilities": {"drop": ["ALL"]}}}
    container |= spec.pop("container", {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 0, "restartPolicy": "Never",
                     "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
                     **spec}}
