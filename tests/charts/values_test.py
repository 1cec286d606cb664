"""Values, their schema and their documentation. Needs no Helm."""

import importlib.util
import json
import re
import unittest

import jsonschema
import yaml

from charts import CHARTS, NAMES, SOURCE, complaints, nested, schema, values

spec = importlib.util.spec_from_file_location("chart_docs", SOURCE / "tools" / "chart_docs.py")
chart_docs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(chart_docs)

# (chart, value, what is wrong with it)
REFUSED = [
    ("strongroom", "unknown", {}),
    ("strongroom", "coordinator.unknown", 1),
    ("strongroom", "coordinator.persistence.sizes", "1Gi"),
    ("strongroom", "webhook.tls.unknown", 1),
    ("strongroom", "image.pullPolicy", "Sometimes"),
    ("strongroom", "image.tag", "two words"),
    ("strongroom", "image.registry", "https://registry.example"),
    ("strongroom", "coordinator.image.digest", "sha256:abc"),
    ("strongroom", "coordinator.image.repository", "UPPER/case"),
    ("strongroom", "coordinator.image.repository", ""),
    ("strongroom", "simulation.enabled", "yes"),
    ("strongroom", "tee.class", "sim"),
    ("strongroom", "tee.resourceKey", "epc"),
    ("strongroom", "tee.epcMiB", 0),
    ("strongroom", "tee.epcMiB", "10Mi"),
    ("strongroom", "tee.runtimeClassNames.tdx", ""),
    ("strongroom", "tee.quoteProvider", "aesm"),
    ("strongroom", "tee.quoteProvider", ""),
    ("strongroom", "dcap.pccsUrl", "pccs.example:8081"),
    ("strongroom", "coordinator.meshService.port", 0),
    ("strongroom", "coordinator.meshService.type", "ExternalName"),
    ("strongroom", "coordinator.clientService.nodePort", 80),
    ("strongroom", "coordinator.hostnames", ["a,b"]),
    ("strongroom", "coordinator.persistence.accessModes", []),
    ("strongroom", "coordinator.persistence.size", "big"),
    ("strongroom", "coordinator.logLevel", "verbose"),
    ("strongroom", "coordinator.resources", {"limit": {}}),
    ("strongroom", "coordinator.podLabels", {"a b": "c"}),
    ("strongroom", "coordinator.podLabels", {"a": "b c"}),
    ("strongroom", "coordinator.extraEnv", [{"value": "nameless"}]),
    ("strongroom", "webhook.failurePolicy", "Retry"),
    ("strongroom", "webhook.timeoutSeconds", 31),
    ("strongroom", "webhook.replicas", 0),
    ("strongroom", "webhook.tls.mode", "none"),
    ("strongroom", "webhook.tls", {"mode": "existingSecret"}),
    ("strongroom", "webhook.tls", {"mode": "existingSecret", "existingSecret": "s", "caBundle": "no PEM"}),
    ("strongroom", "webhook.validation.actions", []),
    ("strongroom", "networkPolicy.apiServerCidrs", ["192.0.2.1"]),
    ("strongroom", "networkPolicy.clientFrom", [{}]),
    ("strongroom", "networkPolicy.clientFrom", [{"podLabels": {}}]),
    ("strongroom", "monitoring.serviceMonitor.mode", True),
    ("strongroom", "monitoring.serviceMonitor.interval", "30"),
    ("strongroom", "exposure.gateway", {"enabled": True}),
    ("strongroom", "exposure.gateway", {"enabled": True, "parentRefs": [{"name": "g"}]}),
    ("strongroom", "exposure.ingress", {"enabled": True, "clientHostname": "a.example"}),
    ("strongroom", "exposure.ingress", {"enabled": True, "annotations": {"a": "b"}}),
    ("strongroom", "test.identity", {"SignerID": "0" * 64}),
    ("strongroom", "test.identity", {"UniqueID": "abc"}),
    ("strongroom-serving", "unknown", {}),
    ("strongroom-serving", "modelserver.unknown", 1),
    ("strongroom-serving", "model.pvc.unknown", 1),
    ("strongroom-serving", "marble", ""),
    ("strongroom-serving", "replicas", -1),
    ("strongroom-serving", "tee.class", "sev"),
    ("strongroom-serving", "tee.quoteProvider", "node"),
    ("strongroom-serving", "agent.mode", "sidecar"),
    ("strongroom-serving", "coordinator.address", "coordinator"),
    ("strongroom-serving", "coordinator.address", "https://coordinator:2001"),
    ("strongroom-serving", "modelserver.port", 443),
    ("strongroom-serving", "modelserver.restPort", 80),
    ("strongroom-serving", "drain.delaySeconds", 0),
    ("strongroom-serving", "model.mountPath", "models"),
    ("strongroom-serving", "model.source", "s3"),
    ("strongroom-serving", "model", {"pvc": {"claimName": ""}}),
    ("strongroom-serving", "model.pvc.subPath", "../other"),
    ("strongroom-serving", "model.pvc.subPath", "/absolute"),
    ("strongroom-serving", "model", {"source": "nfs", "nfs": {"server": "nfs.example"}}),
    ("strongroom-serving", "model", {"source": "nfs", "nfs": {"server": "nfs.example", "path": "relative"}}),
    ("strongroom-serving", "model", {"source": "hostPath"}),
    ("strongroom-serving", "model", {"source": "image"}),
    ("strongroom-serving", "model", {"source": "download"}),
    ("strongroom-serving", "service.type", "ExternalName"),
    ("strongroom-serving", "autoscaling.mode", "vpa"),
    ("strongroom-serving", "autoscaling", {"mode": "hpa", "minReplicas": 0}),
    ("strongroom-serving", "autoscaling.maxReplicas", 0),
    ("strongroom-serving", "exposure.gateway", {"enabled": True, "parentRefs": [{"name": "g"}]}),
    ("strongroom-serving", "exposure.ingress", {"enabled": True}),
    ("strongroom-serving", "networkPolicy.downloadPorts", []),
]
# Helpers that both charts have. Helm shares templates between charts by a third one only, which is more than they are.
SHARED = ("dnsEgress", "image", "podSecurityContext", "pullPolicy", "securityContext", "sgxResources")
# What the serving chart cannot know, so that nothing else is wrong.
CLAIM = {"strongroom": {}, "strongroom-serving": {"model": {"pvc": {"claimName": "models"}}}}


def helpers(chart, prefix):
    """The text of each helper, by its name without the chart's."""
    text = (CHARTS / chart / "templates/_helpers.tpl").read_text()
    found = re.findall(r'^\{\{- define "' + prefix + r'\.(\w+)" -\}\}\n(.*?)^\{\{- end \}\}$', text, re.S | re.M)
    return {name: body.replace(f'"{prefix}.', '"') for name, body in found}


class Values(unittest.TestCase):
    def test_the_readme_is_what_the_comments_say(self):
        for name in NAMES:
            self.assertEqual((CHARTS / name / "README.md").read_text(), chart_docs.readme(CHARTS / name),
                             "run .venv/bin/python tools/chart_docs.py")

    def test_a_value_without_a_comment_is_found(self):
        described = dict(chart_docs.described(["# -- Documented.", "a: 1", "b: 2"]))
        self.assertEqual(described, {("a",): "Documented."})

    def test_both_charts_have_the_same_version(self):
        charts = [yaml.safe_load((CHARTS / name / "Chart.yaml").read_text()) for name in NAMES]
        self.assertEqual(charts[0]["version"], charts[1]["version"])
        self.assertEqual(charts[0]["appVersion"], charts[1]["appVersion"])

    def test_helpers_of_both_charts_say_the_same(self):
        first, second = (helpers(name, prefix) for name, prefix in (("strongroom", "strongroom"), ("strongroom-serving", "serving")))
        for name in SHARED:
            with self.subTest(name):
                self.assertEqual(first[name], second[name])

    def test_the_schemas_are_schemas(self):
        for name in NAMES:
            jsonschema.Draft7Validator.check_schema(schema(name))

    def test_the_schema_admits_the_charts_own_values(self):
        for name in NAMES:
            self.assertEqual(complaints(name, CLAIM[name]), [])

    def test_the_schema_admits_the_test_values(self):
        for name in NAMES:
            for file in sorted((CHARTS / name / "ci").iterdir()):
                with self.subTest(file=str(file.relative_to(CHARTS))):
                    self.assertEqual(complaints(name, yaml.safe_load(file.read_text())), [])

    def test_a_download_wants_addresses_that_it_may_reach(self):
        model = {"source": "download", "download": {"image": "fetch:1"}}
        self.assertRegex("\n".join(complaints("strongroom-serving", {"model": model})), "networkPolicy.downloadCidrs")
        for policy in ({"downloadCidrs": ["192.0.2.1/32"]}, {"enabled": False}):
            with self.subTest(policy=policy):
                self.assertEqual(complaints("strongroom-serving", {"model": model, "networkPolicy": policy}), [])

    def test_the_serving_chart_asks_for_a_claim(self):
        self.assertRegex("\n".join(complaints("strongroom-serving", {})), "model.pvc.claimName")

    def test_every_value_has_a_place_in_the_schema_and_the_other_way_round(self):
        for name in NAMES:
            with self.subTest(chart=name):
                self.assert_same_keys(values(name), schema(name), schema(name)["definitions"], name)

    def assert_same_keys(self, value, rule, definitions, path):
        if "$ref" in rule:
            rule = definitions[rule["$ref"].rsplit("/", 1)[1]]
        if "properties" not in rule or not isinstance(value, dict) or not value:
            return
        self.assertIs(rule.get("additionalProperties"), False, f"{path} admits unknown members")
        # Helm hands "global" to every chart; resources and identities name what may be there.
        optional = {"global", "requests", "limits", "matchLabels", "matchExpressions"}
        self.assertEqual(set(value) - set(rule["properties"]), set(), path)
        self.assertEqual(set(rule["properties"]) - set(value) - optional, set(), path)
        for key, inner in value.items():
            self.assert_same_keys(inner, rule["properties"][key], definitions, f"{path}.{key}")

    def test_wrong_values_are_refused_and_named(self):
        for name, path, value in REFUSED:
            with self.subTest(chart=name, path=path, value=json.dumps(value)):
                base = CLAIM[name] if not path.startswith("model") else {}
                found = complaints(name, {**base, **nested(path, value)})
                self.assertTrue(found, "nothing was found wrong")
                self.assertTrue(any(line.startswith(path.rsplit(".", 1)[0].split(".")[0]) or path.split(".")[0] in line
                                    for line in found), found)


if __name__ == "__main__":
    unittest.main()
