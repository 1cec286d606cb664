"""The webhook as a process on the node, with the service account, roles and registrations that the chart gives it: a real
API server dials it by the name of its Service and trusts what it wrote into its own configurations."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from cluster import LAB, SOURCE, as_list, run, wait_until

NODE = "192.168.199.1"
PORT = 18443
NAMESPACE = "admission"
SERVICE = "strongroom-webhook"
CLUSTER_NAME = f"{SERVICE}-{NAMESPACE}"
KINDS = ("mutatingwebhookconfiguration", "validatingwebhookconfiguration")
BIN = pathlib.Path(os.environ.get("STRONGROOM_BIN", SOURCE / "build/dev/bin"))
CONFIG = {"format": "strongroom-webhook/1", "coordinator_address": "coordinator-mesh-api.marblerun:2001",
          "agent": {"image": "strongroom/agent:1"}, "simulation": {"image": "localhost/strongroom-test/simtee:1"}}


SIMTEE = CONFIG["simulation"]["image"]
WORKLOAD = "localhost/strongroom-test/described:1"
LAUNCH = {"format": "strongroom-launch/1", "program": "/bin/busybox", "argv": ["busybox", "sleep", "600"]}


def load_image(lab, name, program, place, files=()):
    """An image of one program, at `place`, with the libraries it is linked with and `files` (path, text)."""
    with tempfile.TemporaryDirectory(prefix="strongroom-image-") as folder:
        root = pathlib.Path(folder, "root")
        copies = [(program, place)] + [(library, library) for library in re.findall(r"/\S+", run("ldd", program))]
        for source, path in copies:
            (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, root / path[1:])
        for path, text in files:
            (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            (root / path[1:]).write_text(text)
        lab.command("image", name, f"{folder}/image.tar", root)
        lab.load(f"{folder}/image.tar")


def load_simulation(lab):
    """The software TEE, and a workload that a launch description names."""
    load_image(lab, SIMTEE, BIN / "strongroom-simtee", "/usr/bin/strongroom-simtee")
    load_image(lab, WORKLOAD, lab.cache / "debian/bin/busybox", "/bin/busybox",
               [("/etc/strongroom/launch/modelserver.json", json.dumps(LAUNCH))])


def chart(lab, *templates, settings=()):
    """Objects of the chart as YAML, with the webhook keeping its own certificates."""
    words = [word for value in ("webhook.tls.mode=self", *settings) for word in ("--set", value)]
    words += [word for name in templates for word in ("--show-only", f"templates/{name}.yaml")]
    return lab.helm(3, "template", "strongroom", SOURCE / "deploy/charts/strongroom", "-n", NAMESPACE,
                    "--kube-version", lab.get("node", "knode")["status"]["nodeInfo"]["kubeletVersion"], *words)


def service():
    """The Service that the API server dials, led to the process by an EndpointSlice of our own."""
    return ({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": SERVICE}},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": SERVICE},
             "spec": {"ports": [{"name": "https", "port": 443, "targetPort": PORT}]}},
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
             "metadata": {"name": f"{SERVICE}-node", "labels": {"kubernetes.io/service-name": SERVICE}},
             "addressType": "IPv4", "ports": [{"name": "https", "port": PORT}], "endpoints": [{"addresses": [NODE]}]})


def account(lab, folder):
    """What the kubelet mounts into a pod of that service account."""
    root = lab.get("configmap", "kube-root-ca.crt", "-n", NAMESPACE)["data"]["ca.crt"]
    token = lab.kubectl("create", "token", SERVICE, "-n", NAMESPACE)
    for name, text in (("ca.crt", root), ("token", token), ("namespace", NAMESPACE)):
        pathlib.Path(folder, name).write_text(text)


def published(lab, kind):
    """Whether every webhook of a configuration has an authority."""
    webhooks = lab.get(kind, CLUSTER_NAME)["webhooks"]
    return all(webhook["clientConfig"].get("caBundle") for webhook in webhooks)


@contextlib.contextmanager
def process(lab, folder):
    """The program, ready, until the end of the block."""
    pathlib.Path(folder, "webhook.json").write_text(json.dumps(CONFIG))
    command = ["env", "KUBERNETES_SERVICE_HOST=10.96.0.1", "KUBERNETES_SERVICE_PORT=443", BIN / "strongroom-webhook",
               "--config", f"{folder}/webhook.json", "--listen", f"{NODE}:{PORT}", "--self-managed-tls",
               "--service-account", folder]
    log = open(f"{folder}/log", "a", encoding="utf-8")
    # Its own process group: the signal must reach the program behind the lab's shell.
    running = subprocess.Popen([str(word) for word in (LAB, "run", "--", *command)], env=lab.environment, stdout=log,
                               stderr=log, start_new_session=True)
    try:
        wait_until("the webhook is ready",
                   lambda: lab.on_node("curl", "-sk", "--max-time", "2", f"https://{NODE}:{PORT}/readyz") == "ok\n", 30)
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGTERM)
        running.wait(timeout=30)
        log.close()


def wait_published(lab):
    for kind in KINDS:
        wait_until(f"the authority is in the {kind}", lambda kind=kind: published(lab, kind))


@contextlib.contextmanager
def registered(lab, settings=()):
    """The namespace, the chart's registrations and the service account; the folder for the program."""
    with tempfile.TemporaryDirectory(prefix="strongroom-webhook-") as folder, lab.namespace(NAMESPACE):
        objects = chart(lab, "webhook-registration", "validation", settings=settings)
        lab.apply(*service(), namespace=NAMESPACE)
        account(lab, folder)
        lab.kubectl("apply", "--server-side", "-n", NAMESPACE, "-f", "-", stdin=objects)
        try:
            yield folder
        finally:
            lab.kubectl("delete", "-n", NAMESPACE, "--ignore-not-found", "-f", "-", stdin=objects)


def review(lab, pod, namespace, path="mutate"):
    """What the program answers to the creation of a pod, asked without an API server."""
    request = {"uid": "a", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE", "object": pod,
               "resource": {"group": "", "version": "v1", "resource": "pods"}, "namespace": namespace}
    body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})
    answer = lab.on_node("curl", "-sk", "-H", "Content-Type: application/json", "--data-binary", "@-",
                         f"https://{NODE}:{PORT}/{path}", stdin=body)
    return json.loads(answer)["response"]


def applied(document, patch):
    """RFC 6902, the operations add and test."""
    for operation in patch:
        *parents, last = [token.replace("~1", "/").replace("~0", "~") for token in operation["path"].split("/")[1:]]
        at = document
        for token in parents:
            at = at[int(token)] if isinstance(at, list) else at[token]
        if operation["op"] == "test":
            assert (at[int(last)] if isinstance(at, list) else at[last]) == operation["value"], operation
        elif isinstance(at, list):
            at.insert(len(at) if last == "-" else int(last), operation["value"])
        else:
            at[last] = operation["value"]
    return document


def dry_run(lab, pod, namespace):
    """What the API server would store."""
    said = lab.kubectl("create", "--dry-run=server", "-n", namespace, "-o", "json", "-f", "-", stdin=as_list([pod]))
    return json.loads(said)
