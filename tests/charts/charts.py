"""The charts as the tests see them: their files, and Helm where there is one."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import jsonschema
import yaml

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CHARTS = SOURCE / "deploy" / "charts"
KUBERNETES = "1.36.4"
NAMES = ("strongroom", "strongroom-serving")
NAMESPACES = {"strongroom": "strongroom", "strongroom-serving": "models"}


def values(chart, name=None):
    """The chart's own values, or those of its ci/NAME-values.yaml alone."""
    file = CHARTS / chart / (f"ci/{name}-values.yaml" if name else "values.yaml")
    return yaml.safe_load(file.read_text())


def schema(chart):
    return json.loads((CHARTS / chart / "values.schema.json").read_text())


def merged(base, over):
    """As Helm lays values over values: maps are merged, everything else is replaced."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    return {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}


def nested(path, value):
    """{"a": {"b": value}} for "a.b"."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def complaints(chart, given):
    """What the schema says against the chart's values with `given` laid over them."""
    validator = jsonschema.Draft7Validator(schema(chart))
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
            for error in validator.iter_errors(merged(values(chart), given))]


def find_helm(major):
    """The path of helm3 or helm4: on the search path, else where the lab keeps what it builds; None without one."""
    if found := shutil.which(f"helm{major}"):
        return found
    cache = pathlib.Path(os.environ.get("STRONGROOM_LAB_CACHE") or pathlib.Path.home() / ".cache/strongroom-lab")
    found = sorted(cache.glob(f"*/bin/helm{major}"))
    return str(found[-1]) if found else None


class Helm:
    """One Helm, with folders of its own for whatever it keeps."""

    def __init__(self, major):
        self.program = find_helm(major)
        if self.program is None:
            raise FileNotFoundError(f"no helm{major} on the search path or in the lab's cache: tests/cluster/lab build makes it")
        self.home = tempfile.TemporaryDirectory(prefix="strongroom-helm-")
        self.environment = {**os.environ, **{f"HELM_{kind}_HOME": f"{self.home.name}/{kind.lower()}"
                                             for kind in ("CACHE", "CONFIG", "DATA")}}
        self.environment["KUBECONFIG"] = f"{self.home.name}/none"

    def run(self, *words):
        return subprocess.run([self.program, *map(str, words)], env=self.environment, capture_output=True, text=True,
                              check=False, timeout=120)

    def template(self, chart, given=None, *words):
        """The text that `helm template` prints; RuntimeError with what it said instead."""
        result = self.run("template", chart, CHARTS / chart, "--namespace", NAMESPACES[chart], "--kube-version", KUBERNETES,
                          *self.files(given), *words)
        if result.returncode != 0:
            raise RuntimeError(result.stderr)
        return result.stdout

    def objects(self, chart, given=None, *words):
        return [found for found in yaml.safe_load_all(self.template(chart, given, *words)) if found]

    def files(self, given):
        """`given` as the flags that name a file with it."""
        if given is None:
            return []
        file = pathlib.Path(self.home.name, "values.json")
        file.write_text(json.dumps(given))
        return ["--values", file]


def kinds(objects, kind):
    return [found for found in objects if found["kind"] == kind]


def the(objects, kind, name):
    """The one object of that kind and name."""
    found = [item for item in kinds(objects, kind) if item["metadata"]["name"] == name]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} objects {kind} {name}, wanted one; there are "
                             f"{[item['metadata']['name'] for item in kinds(objects, kind)]}")
    return found[0]


def pod_specs(objects):
    """(name, pod spec, pod labels) of everything that makes pods."""
    for item in objects:
        name = f"{item['kind']} {item['metadata']['name']}"
        if item["kind"] == "Pod":
            yield name, item["spec"], item["metadata"]["labels"]
        elif item["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            template = item["spec"]["template"]
            yield name, template["spec"], template["metadata"]["labels"]
