"""What the charts render, by Helm 3 and Helm 4: what must hold of every object, and exact contents where they matter.

Needs both Helms, which the cluster layer builds; also runs alone: .venv/bin/python tests/charts/render_test.py
"""

import json
import re
import unittest

import yaml

import crds
from charts import CHARTS, NAMES, NAMESPACES, SOURCE, Helm, kinds, nested, pod_specs, the, values
from values_test import CLAIM, REFUSED

FILES = [(chart, file.name.removesuffix("-values.yaml")) for chart in NAMES for file in sorted((CHARTS / chart / "ci").iterdir())]
# Objects outside namespaces.
CLUSTER_KINDS = {"ClusterRole", "ClusterRoleBinding", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
                 "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "PersistentVolume"}
FOREIGN = {"cert-manager.io/v1", "monitoring.coreos.com/v1", "gateway.networking.k8s.io/v1", "keda.sh/v1alpha1"}


class Rendering(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.helms = {major: Helm(major) for major in (3, 4)}
        cls.helm = cls.helms[4]
        cls.rendered = {key: cls.helm.objects(key[0], values(*key)) for key in FILES}

    def everywhere(self):
        for (chart, name), objects in self.rendered.items():
            with self.subTest(chart=chart, values=name):
                yield chart, objects


class Render(Rendering):
    def test_both_helms_find_nothing_to_complain_of(self):
        for major, helm in self.helms.items():
            for chart, name in FILES:
                with self.subTest(helm=major, chart=chart, values=name):
                    result = helm.run("lint", "--strict", CHARTS / chart, *helm.files(values(chart, name)))
                    self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
                    self.assertNotIn("[WARNING]", result.stdout)

    def test_two_renders_give_the_same_bytes_and_two_helms_the_same_objects(self):
        for chart, name in FILES:
            with self.subTest(chart=chart, values=name):
                texts = [self.helms[major].template(chart, values(chart, name)) for major in (4, 4, 3)]
                self.assertEqual(texts[0], texts[1])
                # The two put kinds they do not know in another order.
                self.assertEqual(sorted(documents(texts[0])), sorted(documents(texts[2])))

    def test_templates_look_nothing_up_and_roll_no_dice(self):
        forbidden = re.compile(r"\b(lookup|rand\w*|genCA|genSelfSigned\w*|genSigned\w*|genPrivateKey|uuidv4|now|env|expandenv)\b")
        for file in CHARTS.glob("*/templates/**/*"):
            if not file.is_file():
                continue
            for action in re.findall(r"{{.*?}}", re.sub(r"{{-? ?/\*.*?\*/ ?-?}}", "", file.read_text(), flags=re.S), re.S):
                code = re.sub(r'"[^"]*"|\.[A-Za-z.]+', "", action)
                self.assertIsNone(forbidden.search(code), f"{file}: {action}")

    def test_both_helms_refuse_wrong_values(self):
        for major, helm in self.helms.items():
            for chart, path, value in REFUSED[::4]:
                with self.subTest(helm=major, chart=chart, path=path, value=json.dumps(value)):
                    base = CLAIM[chart] if not path.startswith("model") else {}
                    with self.assertRaisesRegex(RuntimeError, "don't meet the specifications of the schema"):
                        helm.template(chart, {**base, **nested(path, value)})

    def test_no_object_comes_twice_and_all_say_whose_they_are(self):
        for chart, objects in self.everywhere():
            seen = [(item["kind"], item["metadata"]["name"]) for item in objects]
            self.assertEqual(len(seen), len(set(seen)), seen)
            for item in objects:
                if item["metadata"]["name"].endswith("-extra"):
                    continue
                self.assertEqual(item["metadata"]["labels"]["app.kubernetes.io/instance"], chart)
                namespace = item["metadata"].get("namespace")
                self.assertEqual(namespace, None if item["kind"] in CLUSTER_KINDS else NAMESPACES[chart], item["kind"])

    def test_objects_outside_namespaces_carry_the_namespace_in_their_name(self):
        for chart, objects in self.everywhere():
            for item in objects:
                if item["kind"] in CLUSTER_KINDS:
                    self.assertIn(NAMESPACES[chart], item["metadata"]["name"])

    def test_selectors_never_change_with_version_or_labels(self):
        for _, objects in self.everywhere():
            for item in kinds(objects, "Deployment"):
                selector = item["spec"]["selector"]["matchLabels"]
                self.assertEqual(set(selector), {"app.kubernetes.io/name", "app.kubernetes.io/instance"})
                self.assertLessEqual(selector.items(), item["spec"]["template"]["metadata"]["labels"].items())

    def test_foreign_objects_hold_against_their_projects_schemas(self):
        schemas = crds.Schemas()
        checked = set()
        for item in [found for objects in self.rendered.values() for found in objects]:
            if item["apiVersion"] in FOREIGN:
                self.assertTrue(schemas.knows(item), f"no schema for {item['apiVersion']} {item['kind']}")
                self.assertEqual(schemas.complaints(item), [])
                checked.add(item["kind"])
        self.assertEqual(checked, {"Certificate", "Issuer", "ServiceMonitor", "PodMonitor", "PrometheusRule", "TLSRoute", "ScaledObject"})

    def test_the_kserve_objects_hold_against_kserves_schemas(self):
        schemas = crds.Schemas()
        for name, kind in (("clusterservingruntime", "ClusterServingRuntime"), ("inferenceservice", "InferenceService")):
            item = yaml.safe_load((SOURCE / "deploy/kserve" / f"{name}.yaml").read_text())
            self.assertEqual(item["kind"], kind)
            self.assertEqual(schemas.complaints(item), [])
            item["spec"]["unknown"] = 1
            self.assertTrue(schemas.complaints(item), "a member that KServe does not know was not found")

    def test_pods_beside_the_charts_have_the_memory_that_the_charts_give(self):
        serving = deployment(self.rendered["strongroom-serving", "simulation"], "strongroom-serving")
        coordinator = deployment(self.rendered["strongroom", "simulation"], "strongroom-coordinator")
        for file, chart, paths in (("kserve/clusterservingruntime", serving, ("/tmp", "/run")), ("coco/modelserver", serving, ("/tmp", "/run")),
                                   ("coco/coordinator", coordinator, ("/tmp",))):
            spec = yaml.safe_load((SOURCE / "deploy" / f"{file}.yaml").read_text())["spec"]
            for path in paths:
                with self.subTest(file=file, path=path):
                    self.assertEqual(memory_at(path, spec), memory_at(path, chart))
                    self.assertEqual(memory_at(path, spec)["medium"], "Memory")

    def test_notes_name_the_next_commands_and_the_simulation(self):
        # Helm 4's: even for this, Helm 3 asks a cluster.
        for chart, name in FILES:
            with self.subTest(chart=chart, values=name):
                result = self.helm.run("install", chart, CHARTS / chart, "--dry-run=client", "-n", NAMESPACES[chart],
                                       *self.helm.files(values(chart, name)))
                self.assertEqual(result.returncode, 0, result.stderr)
                notes = result.stdout.split("NOTES:", 1)[1]
                for step in ("1. ", "2. ", "3. "):
                    self.assertIn(step, notes)
                (self.assertIn if name == "simulation" else self.assertNotIn)("*** TEST ***", notes)
                fetches = "from 192.0.2.30/32 at 443, 9000" in " ".join(notes.split())
                self.assertEqual(fetches, (chart, name) == ("strongroom-serving", "snp"))


class Security(Rendering):
    def test_pods_pass_the_restricted_profile(self):
        for _, objects in self.everywhere():
            for name, spec, _ in pod_specs(objects):
                with self.subTest(pod=name):
                    self.assert_restricted(spec)

    def assert_restricted(self, spec):
        for field in ("hostNetwork", "hostPID", "hostIPC", "hostUsers"):
            self.assertNotIn(field, spec)
        self.assertIs(spec["securityContext"]["runAsNonRoot"], True)
        self.assertEqual(spec["securityContext"]["runAsUser"], 65532)
        self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertIs(spec["enableServiceLinks"], False)
        allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "image"}
        for volume in spec["volumes"] if "volumes" in spec else []:
            self.assertLessEqual(set(volume) - {"name"}, allowed)
        for container in spec["containers"] + spec.get("initContainers", []):
            security = container["securityContext"]
            self.assertIs(security["allowPrivilegeEscalation"], False)
            self.assertIs(security["readOnlyRootFilesystem"], True)
            self.assertEqual(security["capabilities"], {"drop": ["ALL"]})
            self.assertNotIn("privileged", security)
            self.assertNotIn("hostPort", json.dumps(container.get("ports", [])))
            self.assertIn("memory", container["resources"]["limits"])
            self.assertIn("cpu", container["resources"]["requests"])
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                self.assertNotIn("host", container.get(probe, {}).get("httpGet", {}))

    def test_only_the_webhook_that_keeps_its_certificates_has_a_token(self):
        for mode, wanted in (("self", ["Deployment strongroom-webhook"]), ("cert-manager", [])):
            objects = self.helm.objects("strongroom", {"webhook": {"tls": {"mode": mode}}})
            tokens = [name for name, spec, _ in pod_specs(objects) if spec["automountServiceAccountToken"] is not False]
            self.assertEqual(tokens, wanted)

    def test_what_that_webhook_may_do_is_its_own_two_objects_and_its_authority(self):
        objects = self.helm.objects("strongroom", {"webhook": {"tls": {"mode": "self"}}})
        [cluster] = kinds(objects, "ClusterRole")
        [role] = kinds(objects, "Role")
        for rule in cluster["rules"] + role["rules"]:
            self.assertEqual(len(rule["resourceNames"]), 1)
            self.assertNotIn("*", json.dumps(rule))
            self.assertLessEqual(set(rule["verbs"]), {"get", "patch"})
        self.assertEqual(kinds(self.helm.objects("strongroom", {"webhook": {"tls": {"mode": "cert-manager"}}}), "Role"), [])

    def test_everything_is_denied_that_is_not_granted(self):
        for _, objects in self.everywhere():
            policies = kinds(objects, "NetworkPolicy")
            for _, _, labels in pod_specs(objects):
                mine = [p for p in policies if p["spec"]["podSelector"].get("matchLabels", {}).items() <= labels.items()
                        and p["spec"]["podSelector"]]
                self.assertTrue(mine, f"no policy selects {labels}")
                for policy in mine:
                    self.assertEqual(policy["spec"]["policyTypes"], ["Ingress", "Egress"])
            for policy in policies:
                for rule in policy["spec"].get("ingress", []) + policy["spec"].get("egress", []):
                    self.assertTrue(rule["ports"], f"{policy['metadata']['name']} grants every port")
                    self.assertTrue(rule.get("from") or rule.get("to"), f"{policy['metadata']['name']} grants every peer")

    def test_the_grants_are_these_and_no_others(self):
        objects = self.rendered["strongroom", "simulation"]
        self.assertEqual(the(objects, "NetworkPolicy", "strongroom-default-deny")["spec"],
                         {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
        self.assertEqual(grants(the(objects, "NetworkPolicy", "strongroom-coordinator")), {
            "from marbles to 2001", "from clients to 4433", "from monitoring to 9090",
            "to kube-system at 53", "to pccs at 8081"})
        self.assertEqual(grants(the(objects, "NetworkPolicy", "strongroom-pccs")), {"from coordinator to 8081", "from clients to 8081"})
        self.assertEqual(grants(the(objects, "NetworkPolicy", "strongroom-webhook")), {
            "from 0.0.0.0/0 to 8443", "from ::/0 to 8443", "from monitoring to 8443",
            "to 0.0.0.0/0 at 443", "to ::/0 at 443", "to 0.0.0.0/0 at 6443", "to ::/0 at 6443"})
        everything = self.rendered["strongroom", "everything"]
        self.assertEqual(grants(the(everything, "NetworkPolicy", "strongroom-coordinator")), {
            "from marbles to 2001", "from 0.0.0.0/0 to 4433", "from ::/0 to 4433", "from monitoring to 9090",
            "to kube-system at 53", "to 169.254.20.10/32 at 53", "to 192.0.2.20/32 at 8081"})
        self.assertEqual(grants(the(everything, "NetworkPolicy", "strongroom-webhook")), {
            "from 192.0.2.10/32 to 8443", "from monitoring to 8443"})
        serving = self.rendered["strongroom-serving", "simulation"]
        self.assertEqual(grants(the(serving, "NetworkPolicy", "strongroom-serving")), {
            "from everywhere to 8500", "from monitoring to 8080", "to kube-system at 53", "to coordinator at 2001"})
        serving = self.rendered["strongroom-serving", "everything"]
        self.assertEqual(grants(the(serving, "NetworkPolicy", "strongroom-serving-test")), {"to kube-system at 53", "to modelserver at 8500"})

    def test_whom_the_values_let_in_comes_beside_those_who_always_may(self):
        gateways = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateways"}}}]
        for given, port, wanted in (
                ({}, 2001, {"marbles"}), ({"meshFrom": gateways}, 2001, {"marbles", "gateways"}),
                ({}, 4433, {"clients"}), ({"clientFrom": gateways}, 4433, {"clients", "gateways"})):
            for kind in ("ClusterIP", "NodePort"):
                with self.subTest(given=given, port=port, service=kind):
                    policy = the(self.helm.objects("strongroom", {"networkPolicy": given, "coordinator": {
                        name: {"type": kind} for name in ("meshService", "clientService")}}), "NetworkPolicy", "strongroom-coordinator")
                    open_to_all = kind == "NodePort" and not given
                    self.assertEqual({grant for grant in grants(policy) if grant.endswith(f"to {port}")},
                                     {f"from {peer} to {port}" for peer in (("0.0.0.0/0", "::/0") if open_to_all else wanted)})
        test = values("strongroom-serving", "everything")
        policy = the(self.helm.objects("strongroom-serving", {**test, "networkPolicy": {"clientFrom": gateways}}), "NetworkPolicy", "strongroom-serving")
        self.assertLessEqual({"from gateways to 8500", "from modelserver-test to 8500"}, grants(policy))


def grants(policy):
    """A policy as a set of sentences."""
    out = set()
    for direction, peers, word in (("ingress", "from", "to"), ("egress", "to", "at")):
        for rule in policy["spec"].get(direction, []):
            for port in rule["ports"]:
                out |= {f"{peers} {peer_name(peer)} {word} {port['port']}" for peer in rule[peers]}
    return out


def peer_name(peer):
    if "ipBlock" in peer:
        return peer["ipBlock"]["cidr"]
    pods = peer.get("podSelector", {})
    labels = pods.get("matchLabels", {})
    if labels.get("strongroom.dev/client") == "true":
        return "clients"
    if "app.kubernetes.io/name" in labels:
        return labels["app.kubernetes.io/name"]
    if pods.get("matchExpressions"):
        return "marbles"
    return peer["namespaceSelector"].get("matchLabels", {}).get("kubernetes.io/metadata.name", "everywhere")


class Control(Rendering):
    def test_services_have_the_names_and_ports_that_marblerun_has(self):
        objects = self.rendered["strongroom", "simulation"]
        for name, port in (("coordinator-mesh-api", 2001), ("coordinator-client-api", 4433), ("strongroom-webhook", 443), ("strongroom-pccs", 8081)):
            self.assertEqual([p["port"] for p in the(objects, "Service", name)["spec"]["ports"]], [port])

    def test_the_coordinator_starts_under_the_software_tee_only_in_simulation(self):
        simulated = deployment(self.rendered["strongroom", "simulation"], "strongroom-coordinator")
        self.assertEqual(container(simulated)["command"], ["/strongroom-sim/strongroom-simtee"])
        self.assertEqual(environment(simulated)["STRONGROOM_PCCS_URL"], "http://strongroom-pccs:8081")
        real = self.rendered["strongroom", "everything"]
        self.assertNotIn("command", container(deployment(real, "strongroom-coordinator")))
        # The policy of the final state knows the program's name, to refuse pods that say `sim` and are not started by it.
        self.assertNotIn("simtee", json.dumps([item for item in real if item["kind"] != "ValidatingAdmissionPolicy"]))

    def test_sgx_resources_are_those_of_each_plugin_as_webhook_and_cli_know_them(self):
        plugins = {**known_sgx_plugins(), "example.com/epc": ((), True)}
        self.assertGreaterEqual(set(plugins), {"sgx.intel.com/epc", "kubernetes.azure.com/sgx_epc_mem_in_MiB", "alibabacloud.com/sgx_epc_MiB"})
        for key, (handles, counts_mib) in plugins.items():
            wanted = {key: "64" if counts_mib else "64Mi", **dict.fromkeys(handles, "1")}
            for chart, name in (("strongroom", "strongroom-coordinator"), ("strongroom-serving", "strongroom-serving")):
                with self.subTest(key=key, chart=chart):
                    objects = self.helm.objects(chart, {**CLAIM[chart], "tee": {"resourceKey": key, "epcMiB": 64}})
                    spec = deployment(objects, name)
                    limits = container(spec)["resources"]["limits"]
                    self.assertEqual({name: value for name, value in limits.items() if "/" in name}, wanted)
                    self.assertIn("memory", limits)
                    self.assertIn({"key": key, "operator": "Exists", "effect": "NoSchedule"}, spec["tolerations"])
            self.assertEqual(configuration(self.helm.objects("strongroom", {"tee": {"resourceKey": key}}))["resource_key"], key)

    def test_quotes_are_made_by_whom_the_values_name(self):
        for provider in ("in-process", "aesmd", "none"):
            for chart, name, place in (("strongroom", "strongroom-coordinator", "strongroom"), ("strongroom-serving", "strongroom-serving", "models")):
                with self.subTest(chart=chart, provider=provider):
                    objects = self.helm.objects(chart, {**CLAIM[chart], "tee": {"quoteProvider": provider}})
                    spec = deployment(objects, name)
                    daemon = provider == "aesmd"
                    self.assertEqual("sgx.intel.com/provision" in container(spec)["resources"]["limits"], provider == "in-process")
                    self.assertEqual(environment(spec).get("SGX_AESM_ADDR"), "1" if daemon else None)
                    mounts = [mount for mount in container(spec)["volumeMounts"] if mount["mountPath"] == "/var/run/aesmd"]
                    self.assertEqual(mounts, [{"name": "aesmd-socket", "mountPath": "/var/run/aesmd", "readOnly": True}] * daemon)
                    volumes = kinds(objects, "PersistentVolume")
                    self.assertEqual([item["spec"]["hostPath"] for item in volumes], [{"path": "/var/run/aesmd", "type": "Directory"}] * daemon)
                    if daemon:
                        [volume] = [item["persistentVolumeClaim"] for item in spec["volumes"] if item["name"] == "aesmd-socket"]
                        claim = the(objects, "PersistentVolumeClaim", volume["claimName"])
                        self.assertEqual(claim["spec"]["volumeName"], volumes[0]["metadata"]["name"])
                        self.assertEqual(volumes[0]["spec"]["claimRef"], {"namespace": place, "name": volume["claimName"]})
            self.assertEqual(configuration(self.helm.objects("strongroom", {"tee": {"quoteProvider": provider}}))["quote_provider"], provider)

    def test_volumes_for_the_daemon_do_not_meet_where_namespace_and_name_join_to_the_same(self):
        given = {**CLAIM["strongroom-serving"], "tee": {"quoteProvider": "aesmd"}}
        names = []
        for namespace, name in (("a-b", "c"), ("a", "b-c")):
            objects = self.helm.objects("strongroom-serving", {**given, "fullnameOverride": name}, "--namespace", namespace)
            [volume] = kinds(objects, "PersistentVolume")
            self.assertEqual(volume["spec"]["claimRef"], {"namespace": namespace, "name": f"{name}-aesmd"})
            self.assertEqual(the(objects, "PersistentVolumeClaim", f"{name}-aesmd")["spec"]["volumeName"], volume["metadata"]["name"])
            names.append(volume["metadata"]["name"])
        self.assertNotEqual(*names)

    def test_other_tees_ask_no_sgx_daemon(self):
        for given in ({"tee": {"class": "tdx", "quoteProvider": "aesmd"}}, {"simulation": {"enabled": True}, "tee": {"quoteProvider": "aesmd"}}):
            objects = self.helm.objects("strongroom", given)
            self.assertFalse(kinds(objects, "PersistentVolume"))
            self.assertNotIn("SGX_AESM_ADDR", environment(deployment(objects, "strongroom-coordinator")))

    def test_confidential_vms_are_runtime_classes(self):
        for tee in ("tdx", "snp"):
            spec = deployment(self.helm.objects("strongroom", {"tee": {"class": tee}}), "strongroom-coordinator")
            self.assertEqual(spec["runtimeClassName"], f"kata-qemu-{tee}")
            self.assertFalse([name for name in container(spec)["resources"]["limits"] if "/" in name])

    def test_names_of_every_way_in_are_in_the_certificates(self):
        names = environment(deployment(self.rendered["strongroom", "everything"], "strongroom-coordinator"))["EDG_COORDINATOR_DNS_NAMES"].split(",")
        for name in ("localhost", "coordinator-mesh-api", "coordinator-client-api.strongroom.svc", "coordinator-mesh-api.strongroom.svc.cluster.local",
                     "coordinator.example", "192.0.2.1", "mesh.coordinator.example"):
            self.assertIn(name, names)
        self.assertEqual(len(names), len(set(names)))

    def test_the_quote_provider_is_told_where_collateral_is(self):
        def conf(dcap):
            found = kinds(self.helm.objects("strongroom", {"dcap": dcap, "webhook": {"enabled": False}}), "ConfigMap")
            return found[0]["data"]["sgx_default_qcnl.conf"] if found else None
        self.assertIsNone(conf({}))
        self.assertEqual(json.loads(conf({"pccsUrl": "https://pccs.example:8081/sgx/certification/v4/", "useSecureCert": False})),
                         {"pccs_url": "https://pccs.example:8081/sgx/certification/v4/", "use_secure_cert": False})
        self.assertEqual(conf({"qcnlConfig": '{"retry_times": 6}'}).strip(), '{"retry_times": 6}')

    def test_the_webhooks_certificate_comes_from_where_it_should(self):
        def rendered(mode, *words, **more):
            return self.helm.objects("strongroom", {"webhook": {"tls": {"mode": mode, **more}}}, *words)
        self.assertFalse(kinds(rendered("auto"), "Certificate"))
        self.assertTrue(kinds(rendered("auto", "--api-versions", "cert-manager.io/v1"), "Certificate"))
        self.assertFalse(kinds(rendered("self", "--api-versions", "cert-manager.io/v1"), "Certificate"))
        pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        own = rendered("existingSecret", existingSecret="mine", caBundle=pem)
        [spec] = [spec for name, spec, _ in pod_specs(own) if name == "Deployment strongroom-webhook"]
        self.assertIn({"name": "tls", "secret": {"secretName": "mine"}}, spec["volumes"])
        for item in kinds(own, "MutatingWebhookConfiguration") + kinds(own, "ValidatingWebhookConfiguration"):
            for webhook in item["webhooks"]:
                self.assertTrue(webhook["clientConfig"]["caBundle"])

    def test_the_webhook_looks_only_at_labelled_pods_of_other_namespaces(self):
        for name in ("simulation", "everything"):
            objects = self.rendered["strongroom", name]
            for item in kinds(objects, "MutatingWebhookConfiguration") + kinds(objects, "ValidatingWebhookConfiguration"):
                for webhook in item["webhooks"]:
                    self.assertEqual(webhook["failurePolicy"], "Fail")
                    self.assertEqual(webhook["sideEffects"], "None")
                    self.assertTrue(any("in object.metadata.labels" in c["expression"] for c in webhook["matchConditions"]))
                    excluded = [e for e in webhook["namespaceSelector"]["matchExpressions"] if e["operator"] == "NotIn"]
                    self.assertEqual(excluded[0]["values"], ["kube-system", "strongroom"])

    def test_the_policy_takes_a_marble_for_what_the_webhook_takes_it(self):
        for given, tee in (({}, "sgx"), ({"tee": {"class": "snp"}}, "snp"), ({"simulation": {"enabled": True}}, "sim"),
                           ({"webhook": {"config": {"default_tee": "tdx"}}}, "tdx")):
            with self.subTest(given=given):
                variables, _ = final_state(self.helm.objects("strongroom", given))
                self.assertTrue(variables["otherwise"].startswith(f"'strongroom.dev/marble' in variables.labels ? '{tee}' :"))
                self.assertIn(".orValue(variables.otherwise)", variables["tee"])
                self.assertEqual(configuration(self.helm.objects("strongroom", given))["default_tee"], tee)
        _, rules = final_state(self.helm.objects("strongroom", {"webhook": {"config": {"resource_key": "example.com/epc"}}}))
        self.assertIn("name == 'example.com/epc'", rules)
        # A pod that no webhook needs to have seen is not taken for what only the webhook would make of it.
        variables, rules = final_state(self.helm.objects("strongroom", {"webhook": {"failurePolicy": "Ignore"}}))
        self.assertIn(".orValue('')", variables["tee"])
        self.assertNotIn("variables.told", rules)

    def test_no_label_of_ours_names_the_TEE_of_a_marble_of_MarbleRuns(self):
        theirs = "'marblerun/marbletype' in variables.labels && !('strongroom.dev/marble' in variables.labels) ? "
        for webhook, begin in (({}, theirs + "variables.otherwise :"), ({"failurePolicy": "Ignore"}, theirs + "'' :"),
                               ({"marblerunLabels": False}, "variables.labels[?'strongroom.dev/tee']")):
            with self.subTest(webhook):
                variables, _ = final_state(self.helm.objects("strongroom", {"webhook": webhook}))
                self.assertTrue(variables["tee"].strip().startswith(begin), variables["tee"])

    def test_what_a_pod_was_made_with_is_no_reason_to_refuse_its_updates(self):
        for webhook in ({}, {"failurePolicy": "Ignore"}):
            [policy] = kinds(self.helm.objects("strongroom", {"webhook": webhook}), "ValidatingAdmissionPolicy")
            rules = [rule["expression"] for rule in policy["spec"]["validations"]]
            self.assertTrue(any("in ['sgx', 'tdx', 'snp', 'sim']" in rule for rule in rules))
            for rule in rules:
                if "strongroom.dev/tee" in rule or "variables.tee" in rule:
                    self.assertRegex(rule, "^oldObject [!=]= null \\|\\| ")

    def test_the_policy_wants_what_the_webhook_writes_into_marbles_of_both_dialects(self):
        variables, rules = final_state(self.helm.objects("strongroom", {}))
        for name in ("EDG_MARBLE_TYPE", "EDG_MARBLE_COORDINATOR_ADDR"):
            self.assertIn(f"'{name}'", variables["told"])
        for label in ("strongroom.dev/marble", "marblerun/marbletype"):
            self.assertIn(f"!('{label}' in variables.labels) ||", rules)
        self.assertIn("variables.labels['marblerun/marblecontainer'] in variables.told", rules)
        self.assertIn("'marblerun/resource-injection'].orValue('') != 'disabled' ? 'sgx'", variables["otherwise"])
        variables, rules = final_state(self.helm.objects("strongroom", {"webhook": {"marblerunLabels": False}}))
        self.assertNotIn("marblerun", variables["otherwise"])
        self.assertNotIn("marblerun/marblecontainer'] in", rules)

    def test_mirrors_of_static_pods_are_nobodys_business(self):
        objects = self.helm.objects("strongroom", {})
        looking = [hook for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
                   for item in kinds(objects, kind) for hook in item["webhooks"]]
        looking += [item["spec"] for item in kinds(objects, "ValidatingAdmissionPolicy")]
        self.assertEqual(len(looking), 5)
        for who in looking:
            conditions = {condition["name"]: condition["expression"] for condition in who["matchConditions"]}
            self.assertEqual(conditions.get("not-of-the-node"), "!has(object.metadata.annotations) || "
                             "!('kubernetes.io/config.mirror' in object.metadata.annotations)")

    def test_no_label_that_makes_a_marble_changes_on_a_pod_that_runs(self):
        spec = kinds(self.helm.objects("strongroom", {}), "ValidatingAdmissionPolicy")[0]["spec"]
        self.assertEqual([(rule["operations"], rule["resources"]) for rule in spec["matchConstraints"]["resourceRules"]],
                         [(["CREATE", "UPDATE"], ["pods", "pods/ephemeralcontainers"])])
        unchanging = next(v["expression"] for v in spec["validations"] if "do not change" in v.get("message", ""))
        documented = (SOURCE / "docs/protocols/admission.md").read_text()
        ours = documented.split("| label | value |")[1].split("| annotation")[0]
        theirs = documented.split("## MarbleRun's labels")[1]
        labels = re.findall(r"^\| `(strongroom\.dev/[a-z-]+)`", ours, re.M) + re.findall(r"`(marblerun/[a-z-]+)[`=]", theirs)
        self.assertGreaterEqual(len(labels), 8)
        self.assertEqual([label for label in labels if f"'{label}'" not in unchanging], [])

    def test_without_a_webhook_nothing_of_it_is_left(self):
        objects = self.helm.objects("strongroom", {"webhook": {"enabled": False}, "monitoring": {"serviceMonitor": {"mode": "enabled"}}})
        self.assertTrue(kinds(objects, "PrometheusRule"))
        self.assertNotIn("webhook", json.dumps(objects).lower())

    def test_monitoring_objects_come_where_the_operator_is(self):
        for mode, words, wanted in (("auto", [], 0), ("auto", ["--api-versions", "monitoring.coreos.com/v1"], 2), ("enabled", [], 2),
                                    ("disabled", ["--api-versions", "monitoring.coreos.com/v1"], 0)):
            objects = self.helm.objects("strongroom", {"monitoring": {"serviceMonitor": {"mode": mode}}}, *words)
            self.assertEqual(len(kinds(objects, "ServiceMonitor")), wanted, (mode, words))

    def test_alerts_name_the_objects_that_were_made(self):
        objects = self.helm.objects("strongroom", {"fullnameOverride": "vault", "monitoring": {"serviceMonitor": {"mode": "enabled"}}})
        [rule] = kinds(objects, "PrometheusRule")
        text = json.dumps(rule["spec"])
        services = re.findall(r'service=\\"([^"\\]+)', text)
        self.assertEqual(services, ["vault-webhook"])
        the(objects, "Service", services[0])
        deployments = re.findall(r"deployment/([a-z-]+)", text)
        self.assertEqual(deployments, ["vault-coordinator", "vault-webhook"])
        for name in deployments:
            the(objects, "Deployment", name)
        self.assertNotRegex(text, "NAMESPACE|COORDINATOR|WEBHOOK")

    def test_dashboard_and_alerts_ask_for_metrics_that_exist(self):
        sources = "\n".join(file.read_text() for file in (SOURCE / "src").rglob("*.cc") if not file.name.endswith("_test.cc"))
        known = set(re.findall(r'"((?:strongroom|coordinator)_[a-z_]+)"', sources))
        asked = set()
        for file in CHARTS.glob("*/files/*"):
            asked |= set(re.findall(r"\b((?:strongroom|coordinator)_[a-z_]+)\b", file.read_text()))
        for file in CHARTS.glob("*/templates/autoscaling.yaml"):
            asked |= set(re.findall(r"\b(strongroom_[a-z_]+)\b", file.read_text()))
        asked = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
        self.assertTrue(asked)
        self.assertEqual(asked - known, set())

    def test_the_claim_is_kept_only_where_that_is_asked(self):
        claim = the(self.rendered["strongroom", "everything"], "PersistentVolumeClaim", "strongroom-coordinator")
        self.assertEqual(claim["metadata"]["annotations"], {"helm.sh/resource-policy": "keep"})
        self.assertNotIn("annotations", the(self.rendered["strongroom", "simulation"], "PersistentVolumeClaim", "strongroom-coordinator")["metadata"])

    def test_nothing_pulls_what_was_loaded_into_the_nodes(self):
        for registry, wanted in (("localhost", "Never"), ("localhost/team", "Never"), ("localhost:5000", "IfNotPresent"),
                                 ("localhost.example", "IfNotPresent"), ("", "IfNotPresent")):
            with self.subTest(registry=registry):
                for chart in NAMES:
                    objects = self.helm.objects(chart, {**values(chart, "simulation"), "image": {"registry": registry, "tag": "1"}})
                    containers = [one for _, pod, _ in pod_specs(objects) for one in pod.get("initContainers", []) + pod["containers"]]
                    self.assertEqual({one["imagePullPolicy"] for one in containers}, {wanted})
                    if chart == "strongroom":
                        config = json.loads(the(objects, "ConfigMap", "strongroom-webhook")["data"]["webhook.json"])
                        self.assertEqual({config[who]["image_pull_policy"] for who in ("agent", "simulation")}, {wanted})
        objects = self.helm.objects("strongroom", {"image": {"pullPolicy": "Always"}})
        self.assertEqual(container(deployment(objects, "strongroom-webhook"))["imagePullPolicy"], "Always")

    def test_images_are_named_by_registry_tag_and_digest(self):
        objects = self.helm.objects("strongroom", {"image": {"registry": "registry.example/x", "tag": "1.2.3+abc"},
                                                   "coordinator": {"image": {"digest": "sha256:" + "a" * 64}}})
        self.assertEqual(container(deployment(objects, "strongroom-coordinator"))["image"],
                         "registry.example/x/strongroom/coordinator@sha256:" + "a" * 64)
        self.assertEqual(container(deployment(objects, "strongroom-webhook"))["image"], "registry.example/x/strongroom/webhook:1.2.3-abc")


class Serving(Rendering):
    CHART = "strongroom-serving"

    def rendered_with(self, **given):
        return self.helm.objects(self.CHART, {**CLAIM[self.CHART], **given})

    def test_ready_means_attested_and_loaded_and_draining_takes_its_time(self):
        spec = deployment(self.rendered_with(drain={"delaySeconds": 7, "timeoutSeconds": 90}), self.CHART)
        server = container(spec)
        self.assertEqual(server["readinessProbe"]["httpGet"], {"path": "/readyz", "port": "health"})
        self.assertEqual(server["lifecycle"]["preStop"], {"sleep": {"seconds": 7}})
        self.assertEqual(spec["terminationGracePeriodSeconds"], 97)

    def test_each_source_of_ciphertext_is_a_volume_that_pod_security_admits(self):
        for model, wanted in (
                ({"source": "pvc", "pvc": {"claimName": "c"}}, {"persistentVolumeClaim": {"claimName": "c", "readOnly": True}}),
                ({"source": "nfs", "nfs": {"server": "n", "path": "/p"}}, {"persistentVolumeClaim": {"claimName": f"{self.CHART}-models", "readOnly": True}}),
                ({"source": "hostPath", "hostPath": {"path": "/p"}}, {"persistentVolumeClaim": {"claimName": f"{self.CHART}-models", "readOnly": True}}),
                ({"source": "image", "image": {"reference": "m:1"}}, {"image": {"reference": "m:1", "pullPolicy": "IfNotPresent"}}),
                ({"source": "download", "download": {"image": "d:1"}}, {"emptyDir": {"sizeLimit": "4Gi"}})):
            with self.subTest(source=model["source"]):
                objects = self.rendered_with(model=model, networkPolicy={"downloadCidrs": ["192.0.2.1/32"]})
                spec = deployment(objects, self.CHART)
                self.assertIn({"name": "models", **wanted}, spec["volumes"])
                mount = [m for m in container(spec)["volumeMounts"] if m["name"] == "models"][0]
                self.assertIs(mount["readOnly"], True)
                self.assertEqual(len(kinds(objects, "PersistentVolume")), model["source"] in ("nfs", "hostPath"))
                self.assertEqual([c["name"] for c in spec.get("initContainers", [])], ["download"] if model["source"] == "download" else [])

    def test_a_download_reaches_its_addresses_and_is_not_installed_without_them(self):
        found = grants(the(self.rendered[self.CHART, "snp"], "NetworkPolicy", self.CHART))
        self.assertLessEqual({"to 192.0.2.30/32 at 443", "to 192.0.2.30/32 at 9000"}, found)
        model = {"source": "download", "download": {"image": "d:1"}}
        for major, helm in self.helms.items():
            with self.subTest(helm=major), self.assertRaisesRegex(RuntimeError, "downloadCidrs"):
                helm.template(self.CHART, {"model": model})
        self.assertFalse(kinds(self.rendered_with(model=model, networkPolicy={"enabled": False}), "NetworkPolicy"))

    def test_arguments_of_the_values_take_no_others_place(self):
        more = {"args": ["--more"]}
        for tee, command, wanted in (("sgx", [], ["--more"]), ("sim", ["/c"], ["--more"]), ("sim", [], "run"), ("tdx", [], "run")):
            with self.subTest(tee=tee, command=command):
                server = container(deployment(self.rendered_with(tee={"class": tee}, modelserver={**more, "command": command}), self.CHART))
                self.assertEqual(server["args"][0] if wanted == "run" else server["args"], wanted)

    def test_an_explicit_agent_is_no_business_of_the_webhook(self):
        explicit = template(self.rendered_with(tee={"class": "sim"}), self.CHART)
        self.assertNotIn("strongroom.dev/marble", explicit["metadata"]["labels"])
        self.assertEqual(container(explicit["spec"])["command"], ["/strongroom-sim/strongroom-simtee"])
        self.assertIn("EDG_MARBLE_TYPE", environment(explicit["spec"]))
        injected = template(self.rendered_with(tee={"class": "sim"}, agent={"mode": "injected"}), self.CHART)
        self.assertEqual(injected["metadata"]["labels"]["strongroom.dev/marble"], "modelserver")
        self.assertNotIn("command", container(injected["spec"]))
        self.assertNotIn("EDG_MARBLE_TYPE", environment(injected["spec"]))
        self.assertNotIn("initContainers", injected["spec"])

    def test_an_injected_agent_asks_the_daemon_that_the_values_name(self):
        injected = template(self.rendered_with(tee={"quoteProvider": "aesmd"}, agent={"mode": "injected"}), self.CHART)
        self.assertEqual(injected["metadata"]["annotations"], {"strongroom.dev/quote-provider": "aesmd"})
        # The webhook leaves a mount that is there: what it would add itself is a folder of the node.
        self.assertIn("/var/run/aesmd", [mount["mountPath"] for mount in container(injected["spec"])["volumeMounts"]])
        own = template(self.rendered_with(tee={"quoteProvider": "aesmd"}, agent={"mode": "injected"}, modelserver={
            "podAnnotations": {"strongroom.dev/quote-provider": "none"}}), self.CHART)
        self.assertEqual(own["metadata"]["annotations"], {"strongroom.dev/quote-provider": "none"})
        silent = template(self.rendered_with(agent={"mode": "injected"}), self.CHART)
        self.assertNotIn("annotations", silent["metadata"])

    def test_an_autoscaler_owns_the_number_of_pods(self):
        for mode, kind in (("hpa", "HorizontalPodAutoscaler"), ("keda", "ScaledObject")):
            objects = self.rendered_with(autoscaling={"mode": mode})
            self.assertNotIn("replicas", the(objects, "Deployment", self.CHART)["spec"])
            self.assertEqual(the(objects, kind, self.CHART)["spec"]["scaleTargetRef"]["name"], self.CHART)
        self.assertEqual(the(self.rendered_with(replicas=3), "Deployment", self.CHART)["spec"]["replicas"], 3)

    def test_clients_that_balance_themselves_have_a_headless_service(self):
        headless = the(self.rendered_with(), "Service", f"{self.CHART}-headless")
        self.assertEqual(headless["spec"]["clusterIP"], "None")
        self.assertNotIn("publishNotReadyAddresses", headless["spec"])
        self.assertEqual(len(kinds(self.rendered_with(service={"headless": False}), "Service")), 1)

    def test_enclave_memory_is_asked_for_once(self):
        explicit = self.rendered_with(tee={"epcMiB": 2048})
        self.assertEqual(container(deployment(explicit, self.CHART))["resources"]["limits"]["sgx.intel.com/epc"], "2048Mi")
        injected = template(self.rendered_with(tee={"epcMiB": 2048}, agent={"mode": "injected"}), self.CHART)
        self.assertNotIn("sgx.intel.com/epc", json.dumps(injected["spec"]))
        self.assertEqual(injected["metadata"]["labels"]["strongroom.dev/epc"], "2048Mi")


def memory_at(path, spec):
    """The emptyDir that a pod's first container mounts at `path`."""
    [name] = [mount["name"] for mount in container(spec)["volumeMounts"] if mount["mountPath"] == path]
    [volume] = [volume["emptyDir"] for volume in spec["volumes"] if volume["name"] == name]
    return volume


def final_state(objects):
    """Variables by name, and all rules as one text, of the policy of the final state."""
    [policy] = kinds(objects, "ValidatingAdmissionPolicy")
    return ({variable["name"]: variable["expression"] for variable in policy["spec"]["variables"]},
            "\n".join(rule["expression"] for rule in policy["spec"]["validations"]))


def known_sgx_plugins():
    """{resource key: (resources of the devices' handles, whether the key counts MiB)} of src/k8s/sgx_plugins.h."""
    text = (SOURCE / "src/k8s/sgx_plugins.h").read_text()
    entries = re.findall(r'SgxPlugin\{(\.epc = .*?)\},', text, re.S)
    return {re.search(r'\.epc = "(.*?)"', entry)[1]: (tuple(re.findall(r'\.(?:enclave|provision) = "(.*?)"', entry)), "counts_mib = true" in entry)
            for entry in entries}


def documents(text):
    """The objects of a render, each as one line."""
    return [json.dumps(item, sort_keys=True) for item in yaml.safe_load_all(text) if item]


def template(objects, name):
    return the(objects, "Deployment", name)["spec"]["template"]


def deployment(objects, name):
    return template(objects, name)["spec"]


def container(spec):
    return spec["containers"][0]


def environment(spec):
    return {entry["name"]: entry.get("value") for entry in container(spec).get("env", [])}


def configuration(objects):
    """The webhook's own."""
    return json.loads(the(objects, "ConfigMap", "strongroom-webhook")["data"]["webhook.json"])


if __name__ == "__main__":
    unittest.main()
