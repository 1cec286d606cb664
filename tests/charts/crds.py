"""Schemas of other projects' objects: their CRDs, fetched as Go modules when a test asks, never kept in this repository."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import jsonschema
import yaml

SOURCE = pathlib.Path(__file__).resolve().parents[2]
# Module and version, and the files in it.
MODULES = {
    "github.com/kserve/kserve@v0.20.0": ["config/crd/full/serving.kserve.io_clusterservingruntimes.yaml",
                                         "config/crd/full/serving.kserve.io_inferenceservices.yaml"],
    "github.com/kedacore/keda/v2@v2.20.2": ["config/crd/bases/keda.sh_scaledobjects.yaml"],
    "sigs.k8s.io/gateway-api@v1.6.1": ["config/crd/standard/gateway.networking.k8s.io_tlsroutes.yaml"],
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": [
        f"example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml"
        for kind in ("servicemonitors", "podmonitors", "prometheusrules")],
    "github.com/cert-manager/cert-manager@v1.21.1": ["deploy/crds/cert-manager.io_certificates.yaml",
                                                     "deploy/crds/cert-manager.io_issuers.yaml"],
}


def cache():
    folder = os.environ.get("STRONGROOM_LAB_CACHE") or pathlib.Path.home() / ".cache/strongroom-lab"
    return pathlib.Path(folder) / "crds"


def fetch():
    """The files of MODULES, fetched where they are not in the cache yet. RuntimeError when that fails."""
    files = []
    for module, paths in MODULES.items():
        kept = cache() / module.replace("/", "_")
        if not all((kept / pathlib.Path(path).name).exists() for path in paths):
            keep(module, paths, kept)
        files += [kept / pathlib.Path(path).name for path in paths]
    return files


def keep(module, paths, target):
    """Downloads a module into a folder that is removed afterwards, as whole modules are large, and keeps `paths`."""
    with tempfile.TemporaryDirectory(prefix="strongroom-crds-") as folder:
        environment = {**os.environ, "GOMODCACHE": folder, "GOFLAGS": "-modcacherw"}
        result = subprocess.run([SOURCE / "tools" / "go", "mod", "download", "-json", module], cwd="/", env=environment,
                                capture_output=True, text=True, check=False, timeout=600)
        if result.returncode != 0:
            raise RuntimeError(f"{module} cannot be fetched: {result.stdout}{result.stderr}")
        source = pathlib.Path(json.loads(result.stdout)["Dir"])
        target.mkdir(parents=True, exist_ok=True)
        for path in paths:
            copy = target / f"{pathlib.Path(path).name}.part"
            shutil.copyfile(source / path, copy)
            copy.rename(target / pathlib.Path(path).name)


def strict(rule):
    """A CRD's structural schema as JSON schema that refuses what the API server would prune."""
    if not isinstance(rule, dict):
        return rule
    out = {key: value for key, value in rule.items() if not key.startswith("x-") and key not in ("nullable", "format")}
    if rule.get("x-kubernetes-int-or-string"):
        out.pop("type", None)
    for key in ("properties",):
        if key in out:
            out[key] = {name: strict(inner) for name, inner in out[key].items()}
    for key in ("items", "not"):
        if key in out:
            out[key] = strict(out[key])
    if isinstance(out.get("additionalProperties"), dict):
        out["additionalProperties"] = strict(out["additionalProperties"])
    open_object = rule.get("x-kubernetes-preserve-unknown-fields") or rule.get("x-kubernetes-embedded-resource")
    if "properties" in out and "additionalProperties" not in out and not open_object:
        out["additionalProperties"] = False
    return out


class Schemas:
    """Validators by (apiVersion, kind)."""

    def __init__(self):
        self.rules = {}
        for file in fetch():
            for crd in yaml.safe_load_all(file.read_text()):
                if crd and crd["kind"] == "CustomResourceDefinition":
                    self.add(crd["spec"])

    def add(self, spec):
        for version in spec["versions"]:
            rule = strict(version["schema"]["openAPIV3Schema"])
            rule["properties"]["metadata"] = {"type": "object"}
            key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            self.rules[key] = jsonschema.Draft7Validator(rule)

    def knows(self, item):
        return (item["apiVersion"], item["kind"]) in self.rules

    def complaints(self, item):
        rule = self.rules[item["apiVersion"], item["kind"]]
        return [f"{item['kind']} {item['metadata']['name']}: {'.'.join(map(str, e.absolute_path))}: {e.message[:300]}"
                for e in rule.iter_errors(item)]
