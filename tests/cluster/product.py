"""Our product on the node, from the places of those who use it: the operator with helm, the owner and the clients with the
command line. Every step brings about the ones before it, so that any test can be run alone."""

import contextlib
import hashlib
import json
import os
import pathlib
import secrets
import shutil
import sys
import tarfile
import tempfile

from cluster import SOURCE, certificate, free_port, refusal, run, wait_until

BIN = pathlib.Path(os.environ.get("STRONGROOM_BIN", SOURCE / "build/dev/bin"))
IMAGES = pathlib.Path(os.environ.get("STRONGROOM_IMAGES", SOURCE / "build/images"))
CHARTS = SOURCE / "deploy/charts"
ARGV = ["strongroom-modelserver", "--model_base_path=/models", "--port=8500", "--health_port=8080",
        "--max_connection_age=3"]  # so that clients notice new pods within a test
MODELS = ("digits", "resnet50")


def load_images(lab):
    lab.load(*sorted(IMAGES.glob("*.tar")))


def image_tag():
    """The tag that tools/images gave, as an archive of it says."""
    with tarfile.open(IMAGES / "coordinator.tar") as archive:
        index = json.load(archive.extractfile("index.json"))
    return index["manifests"][0]["annotations"]["io.containerd.image.name"].rsplit(":", 1)[1]


def measurement(role):
    return json.loads((IMAGES / "measurements.json").read_text())[role]


def settings(chart, *more):
    """Flags of helm for a chart, or a package of it, in simulation, with `more` as NAME=VALUE."""
    # Several model servers share the cores of a test machine; the API server is on the node, so policies can name it.
    own = ("tee.class=sim", "modelserver.resources.requests.cpu=100m") if "strongroom-serving" in str(chart) else (
        "simulation.enabled=true", "networkPolicy.apiServerCidrs={192.168.199.1/32}")
    return [word for value in (*own, f"image.tag={image_tag()}", *more) for word in ("--set", value)]


def install(lab, major, *words, chart="strongroom", release="strongroom", namespace="strongroom", command="install"):
    """helm install and its wait; what it says. Namespaces are made as an operator should: with Pod Security `restricted`."""
    lab.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {
        "pod-security.kubernetes.io/enforce": "restricted"}}})
    folder = CHARTS / chart if isinstance(chart, str) else chart
    return lab.helm(major, command, release, folder, "-n", namespace, "--wait", "--timeout", "240s", *settings(chart), *words, timeout=300)


class Party:
    """Someone with a folder and the command line, which pins there what was verified."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}

    def strongroom(self, *words):
        return run(BIN / "strongroom", *words, cwd=self.folder, env=self.environment)

    def refused(self, *words):
        return refusal(BIN / "strongroom", *words, cwd=self.folder, env=self.environment)

    def read(self, name):
        return (self.folder / name).read_text()


class World:
    """One coordinator in namespace strongroom and the model servers `digits` in namespace models."""

    def __init__(self, lab):
        self.lab, self.done, self.open = lab, set(), contextlib.ExitStack()
        self.folder = pathlib.Path(self.open.enter_context(tempfile.TemporaryDirectory(prefix="strongroom-cluster-")))
        self.owner, self.client, self.host = Party(self.folder / "owner"), Party(self.folder / "client"), self.folder / "host"
        self.host.mkdir()
        self.clear()

    def forget(self):
        """What was installed is gone. The next coordinator has another address: for this one the owner has pinned a root."""
        self.done -= {"install", "keys", "serve"}
        self.ports = {name: free_port() for name in ("coordinator", "pccs")}
        self.coordinator = f"localhost:{self.ports['coordinator']}"

    def clear(self):
        """Removes what is installed, or was left on a node that stayed up, the contents of its volumes too."""
        self.forget()
        for release in json.loads(self.lab.helm(4, "list", "-A", "-o", "json")):
            self.lab.helm(4, "uninstall", release["name"], "-n", release["namespace"], "--wait", "--timeout", "120s")
        self.lab.kubectl("delete", "namespace", "strongroom", "strongroom-by-helm-3", "models", "--ignore-not-found", "--timeout=120s")
        for volume in self.lab.get("pv")["items"]:
            if volume["status"]["phase"] == "Released":
                self.lab.on_node("find", volume["spec"]["hostPath"]["path"], "-mindepth", "1", "-delete")
                self.lab.kubectl("patch", "pv", volume["metadata"]["name"], "--type=json",
                                 "-p", '[{"op": "remove", "path": "/spec/claimRef"}]')

    def close(self):
        self.open.close()

    def step(self, name):
        """Whether a step has yet to be made; the steps before it must have been."""
        if name in self.done:
            return False
        self.done.add(name)
        return True

    # The operator

    def install(self):
        if self.step("install"):
            load_images(self.lab)
            install(self.lab, 4)

    @contextlib.contextmanager
    def reach(self):
        """The coordinator and the simulated platforms' collateral on loopback, as long as their pods live."""
        with self.lab.port_forward("service/coordinator-client-api", 4433, "strongroom", self.ports["coordinator"]), \
                self.lab.port_forward("service/strongroom-pccs", 8081, "strongroom", self.ports["pccs"]):
            yield

    # The owner

    def identity(self, mrenclave=None):
        """Flags of `strongroom verify` that say which coordinator is expected, under the TEST root."""
        anchor = run(BIN / "strongroom-simtee", "root", "--well-known-world").strip()
        return ("--mrenclave", mrenclave or measurement("coordinator"), "--trust-anchor", anchor,
                "--pccs-url", f"http://127.0.0.1:{self.ports['pccs']}")

    def verify(self, *words):
        return self.owner.strongroom("verify", self.coordinator, *self.identity(), *words)

    def audit(self):
        """The entries of the audit log, which the command line found unbroken and signed."""
        with self.reach():
            said = self.owner.strongroom("log", self.coordinator, "--json", "-c", "owner.crt", "-k", "owner.key")
        return json.loads(said)["entries"]

    def activations(self, *pods):
        """Of the audit log: every activation that was granted to any of these pods."""
        names = {pod["metadata"]["uid"] for pod in pods}
        return [entry for entry in self.audit() if entry["event"] == "activated" and entry["uuid"] in names]

    def make_models(self):
        """Two models, a key each, and their ciphertext in host/."""
        if not self.step("models"):
            return
        plain = self.owner.folder / "plain"
        run(sys.executable, SOURCE / "examples/digits/train.py", self.folder / "trained")
        for model, name in (("digits", "model.xml"), ("digits", "model.bin")):
            (plain / model / "1").mkdir(parents=True, exist_ok=True)
            shutil.copy(self.folder / "trained" / name, plain / model / "1" / name)
        for name in ("images.npy", "labels.npy", "probabilities.npy"):
            shutil.copy(self.folder / "trained" / name, self.client.folder / name)
        run(sys.executable, SOURCE / "examples/resnet50/make.py", plain / "resnet50/1", "--images", self.client.folder)
        for model in MODELS:
            self.owner.strongroom("keygen", "--out", f"{model}.key")
            self.owner.strongroom("encrypt", "--key", f"{model}.key", "--as", model, f"plain/{model}", self.host / model)
        self.owner.strongroom("user", "create", "owner")
        for name in ("alice", "mallory"):
            self.client.strongroom("user", "create", name)
        certificate(self.client.folder, "former", "former", days=-1)  # a client of yesterday

    def manifest(self):
        """Who may receive what: the measured model server both keys, alice the answers, agents of other programs a token."""
        anchor = self.identity()[3]
        token = {"Files": {"/run/strongroom/token": "{{ raw .Secrets.token }}"}}
        return {
            "Packages": {role: {"UniqueID": measurement(role), "TrustAnchors": [anchor]} for role in (
                "modelserver", "agent-init", "agent-sidecar")},
            "Marbles": {"modelserver": {"Package": "modelserver", "Models": list(MODELS), "Parameters": {"Argv": ARGV}},
                        "before": {"Package": "agent-init", "Parameters": token},
                        "beside": {"Package": "agent-sidecar", "Parameters": token},
                        "astray": {"Package": "agent-init", "Parameters": {"Files": {"/token": "outside of memory"}}},
                        "models-beside": {"Package": "agent-sidecar", "Models": ["digits"]}},
            "Secrets": {"token": {"Type": "plain", "UserDefined": True}} | {
                f"{model}_key": {"Type": "symmetric-key", "Size": 128, "UserDefined": True} for model in MODELS},
            "Users": {"owner": {"Certificate": self.owner.read("owner.crt"), "Roles": ["key_owner"]},
                      "alice": {"Certificate": self.client.read("alice.crt"), "Roles": ["asker"]},
                      "former": {"Certificate": self.client.read("former.crt"), "Roles": ["asker"]},
                      "mallory": {"Certificate": self.client.read("mallory.crt"), "Roles": []}},
            "Roles": {"key_owner": {"ResourceType": "Secrets", "ResourceNames": ["token", *(f"{model}_key" for model in MODELS)],
                                    "Actions": ["WriteSecret"]}, "asker": {}},
            "Models": {model: {"Key": f"{model}_key", "Files": digests(self.owner.folder / "plain" / model), "Clients": ["asker"]}
                       for model in MODELS},
        }

    def hand_over_keys(self):
        """Verifies, sets the manifest, gives both keys to it, and saves the mesh's root for the clients."""
        self.install()
        self.make_models()
        if not self.step("keys"):
            return
        (self.owner.folder / "manifest.json").write_text(json.dumps(self.manifest()))
        (self.owner.folder / "token").write_text(f"{secrets.token_hex(16)}\n")
        (self.owner.folder / "token").chmod(0o600)
        with self.reach():
            self.verify()
            self.owner.strongroom("manifest", "set", "manifest.json", self.coordinator)
            self.verify("--manifest", "manifest.json")
            for file, name in (("token", "token"), *((f"{model}.key", f"{model}_key") for model in MODELS)):
                self.owner.strongroom("secret", "set", file, self.coordinator, "--from-file", name, "-c", "owner.crt", "-k", "owner.key")
            self.owner.strongroom("certificate", "root", self.coordinator, "-o", self.client.folder / "root.crt")

    # The host: ciphertext and model servers

    def upload(self, claim="models", namespace="models"):
        """Puts the ciphertext into the volume of a claim, as whoever runs the storage would."""
        self.lab.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim},
                        "spec": {"accessModes": ["ReadOnlyMany"], "resources": {"requests": {"storage": "1Gi"}}}}, namespace=namespace)
        volume = wait_until("the claim is bound", lambda: self.lab.get("pvc", claim, "-n", namespace)["spec"].get("volumeName"))
        path = self.lab.get("pv", volume)["spec"]["hostPath"]["path"]
        self.lab.on_node("cp", "-r", f"{self.host}/.", path)
        self.lab.on_node("chmod", "-R", "a+rX", path)

    def serve(self, *words, chart="strongroom-serving"):
        """helm install of one model server, ready once it was attested and has decrypted both models."""
        self.hand_over_keys()
        if self.step("serve"):
            self.lab.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "models", "labels": {
                "pod-security.kubernetes.io/enforce": "restricted"}}})
            self.upload()
            self.helm_serving("install", *words, chart=chart)

    def helm_serving(self, command, *words, chart="strongroom-serving"):
        """helm install or upgrade of the model servers `digits`."""
        install(self.lab, 4, "--set", "model.pvc.claimName=models", "--set", "service.type=NodePort", *words, chart=chart,
                release="digits", namespace="models", command=command)

    def pods(self, namespace="models", selector="app.kubernetes.io/instance=digits"):
        """Pods that are not about to end."""
        items = self.lab.get("pods", "-n", namespace, "-l", selector)["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def scale(self, replicas, deployment="digits", namespace="models", seconds=120):
        self.lab.kubectl("scale", "deployment", deployment, "-n", namespace, f"--replicas={replicas}")
        wait_until(f"{replicas} pods of {deployment} are ready", lambda: is_scaled(
            self.lab.get("deployment", deployment, "-n", namespace), replicas), seconds)

    # The client

    def credentials(self, name="alice"):
        folder = self.client.folder
        return {"--root": folder / "root.crt", "--cert": folder / f"{name}.crt", "--key": folder / f"{name}.key"}

    def ask(self, address, *words, name="alice", model="digits", image="images.npy", on_node=False):
        """`strongroom infer` from this machine or from the node; what it printed."""
        command = [BIN / "strongroom", "infer", address, "--server-name", "modelserver", "-m", model,
                   "-i", self.client.folder / image, *words]
        command += [word for pair in self.credentials(name).items() for word in pair]
        return self.lab.on_node(*command) if on_node else run(*command, env=self.client.environment)


def is_scaled(deployment, replicas):
    status = deployment["status"]
    return (status.get("observedGeneration") == deployment["metadata"]["generation"] and status.get("readyReplicas", 0) == replicas
            and status.get("replicas", 0) == replicas)


def digests(folder):
    """"<version>/<file>" to the SHA-256 of its plaintext, as the manifest states them."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def world(lab):
    """The one world of a run."""
    if not hasattr(lab, "world"):
        lab.world = World(lab)
    return lab.world
