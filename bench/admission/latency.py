"""What a webhook adds to the creation of a pod on the lab's API server: ours beside one in Go that does nothing.

usage: latency.py [--use LAB]      (root; after tests/cluster/lab build and a build of strongroom-webhook)

Prints rows as tools/bench_table.py reads them. Every round creates pods (dry run) over one connection that is kept: as they
are, through ours, and through the other; the ratio is of what the two add. Both patch with one operation; the row that ends
in -all is ours injecting everything, which the API server has to apply and default. STRONGROOM_BIN is the program's folder.
"""

import argparse
import base64
import contextlib
import http.client
import json
import os
import pathlib
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests/cluster"))
from cluster import LAB, SOURCE, Lab, restricted_pod, run, wait_until  # noqa: E402

BIN = pathlib.Path(os.environ.get("STRONGROOM_BIN", SOURCE / "build/bench/bin"))
CONFIG = {"format": "strongroom-webhook/1", "coordinator_address": "coordinator-mesh-api.strongroom:2001"}
PORTS = {"ours": 18451, "noop": 18452}
ROUNDS, PODS = 11, 60


def certificate(folder):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
        "/CN=webhook", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "tls.key", "-out", folder / "tls.crt")


def commands(folder):
    """What is started on the node for each of the two."""
    (folder / "webhook.json").write_text(json.dumps(CONFIG))
    run(SOURCE / "tools/go", "build", "-C", HERE / "noop", "-trimpath", "-o", folder / "noop", ".")
    files = (folder / "tls.crt", folder / "tls.key")
    return {"ours": (BIN / "strongroom-webhook", "--config", folder / "webhook.json", "--listen", f"127.0.0.1:{PORTS['ours']}",
                     "--tls-cert", files[0], "--tls-key", files[1]),
            "noop": (folder / "noop", f"127.0.0.1:{PORTS['noop']}", *files)}


@contextlib.contextmanager
def started(lab, command):
    """A program on the node; its own process group, so that the signal reaches it behind the lab's shell."""
    running = subprocess.Popen([str(word) for word in (LAB, "run", "--", *command)], env=lab.environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGTERM)
        running.wait(timeout=30)


def registration(name, authority):
    """One webhook for the pods of the namespace of its name."""
    return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": f"latency-{name}"}, "webhooks": [{
                "name": f"{name}.latency.test", "admissionReviewVersions": ["v1"], "sideEffects": "None", "timeoutSeconds": 5,
                "clientConfig": {"url": f"https://127.0.0.1:{PORTS[name]}/mutate", "caBundle": authority},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": f"latency-{name}"}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
                           "scope": "Namespaced"}]}]}


class Api:
    """One kept connection to the API server, as the lab's administrator."""

    def __init__(self, lab):
        config = json.loads(lab.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
        user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
        context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            pem.flush()
            context.load_cert_chain(pem.name)
        server = urllib.parse.urlsplit(cluster["server"])
        self.connection = http.client.HTTPSConnection(server.hostname, server.port, context=context)

    def create(self, namespace, body):
        """Milliseconds that a creation takes, and the pod as it would be stored."""
        began = time.perf_counter()
        self.connection.request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", body,
                                {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        took = (time.perf_counter() - began) * 1e3
        if answer.status != 201:
            raise RuntimeError(f"{answer.status}: {text.decode()[:500]}")
        return took, json.loads(text)


def pod(lacks_all=False):
    """A marble that lacks one variable, so that ours adds as much as the other does; or that lacks everything."""
    out = restricted_pod("latency", "sleep", "1", automountServiceAccountToken=False)
    out["metadata"]["labels"] |= {"marblerun/marbletype": "server"}
    if not lacks_all:
        out["metadata"]["labels"]["marblerun/resource-injection"] = "disabled"
        names = ("EDG_MARBLE_TYPE", "EDG_MARBLE_COORDINATOR_ADDR", "EDG_MARBLE_UUID_FILE")
        out["spec"]["containers"][0]["env"] = [{"name": name, "value": "own"} for name in names]
    return json.dumps(out)


# What is measured: the namespace, which decides who is asked, and the pod.
CASES = {"none": ("latency-none", pod()), "ours": ("latency-ours", pod()), "noop": ("latency-noop", pod()),
         "all": ("latency-ours", pod(lacks_all=True))}


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def measure(api):
    all_times = {name: [] for name in CASES}
    for number in range(1, ROUNDS + 1):
        times = {name: [] for name in CASES}
        for _ in range(PODS):
            for name, (namespace, body) in CASES.items():
                times[name].append(api.create(namespace, body)[0])
        for name, values in times.items():
            all_times[name] += values
        median = {name: statistics.median(values) for name, values in times.items()}
        peer = max(median["noop"] - median["none"], 0.01)
        for figure, name, limit in (("webhook.added-latency", "ours", "<=1"), ("webhook.added-latency-all", "all", "-")):
            added = max(median[name] - median["none"], 0.01)
            print(f"{figure}\t{number}\t{added:.3f}\t{peer:.3f}\tms\t{added / peer:.3f}\t{limit}")
    for name, values in all_times.items():
        print(f"# pod creation, {name}: p50 {percentile(values, 0.5):.2f} ms, p99 {percentile(values, 0.99):.2f} ms, {len(values)} pods")


def check(api):
    """Both webhooks must have done what they are measured for."""
    def variables(case):
        return len(api.create(*CASES[case])[1]["spec"]["containers"][0].get("env", []))
    wait_until("ours is asked", lambda: (variables("ours"), variables("all")) == (4, 4), 20)
    wait_until("the other is asked", lambda: "annotations" in api.create(*CASES["noop"])[1]["metadata"], 20)
    if (variables("none"), variables("noop")) != (3, 3):
        raise RuntimeError("a webhook is asked that should not be")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--use", default="")
    arguments = parser.parse_args()
    lab = Lab(arguments.use or "bench")
    with tempfile.TemporaryDirectory(prefix="strongroom-latency-") as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        if not arguments.use:
            stack.callback(lab.down)
        lab.up()
        certificate(folder)
        for command in commands(folder).values():
            stack.enter_context(started(lab, command))
        authority = base64.b64encode((folder / "tls.crt").read_bytes()).decode()
        registrations = [registration(name, authority) for name in PORTS]
        stack.callback(lab.kubectl, "delete", "mutatingwebhookconfiguration", "latency-ours", "latency-noop")
        for space in ("latency-none", "latency-ours", "latency-noop"):
            stack.enter_context(lab.namespace(space))
        lab.apply(*registrations)
        api = Api(lab)
        check(api)
        measure(api)


if __name__ == "__main__":
    main()
