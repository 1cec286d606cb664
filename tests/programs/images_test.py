"""Makes the images from built programs and holds them against what is promised of them.

usage: images_test.py BIN_FOLDER
"""
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
EPOCH = 1735689600
LIMITS = {"modelserver": 200e6}  # bytes, uncompressed
LIMIT = 30e6
ROLES = {"coordinator": "coordinator", "modelserver": "modelserver", "agent-init": "agent", "agent-sidecar": "agent"}  # and its image
LAUNCH = "etc/strongroom/launch"
SHELLS = {"sh", "bash", "dash", "busybox", "ash", "zsh"}


def make(out, *flags, **more):
    environment = os.environ | {"STRONGROOM_BIN": str(BIN), "SOURCE_DATE_EPOCH": str(EPOCH)} | more
    return subprocess.run([ROOT / "tools/images", "--out", out, *flags], capture_output=True, text=True, env=environment)


class Image:
    """An archive, its digests checked while it is read."""

    def __init__(self, archive):
        with tarfile.open(archive) as tar:
            self.files = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}
        self.index = json.loads(self.files["index.json"])
        self.descriptor, self.referrer = self.index["manifests"]
        self.manifest = json.loads(self.blob(self.descriptor))
        self.config = json.loads(self.blob(self.manifest["config"]))
        self.layer = self.blob(self.manifest["layers"][0])

    def blob(self, descriptor):
        content = self.files["blobs/" + descriptor["digest"].replace(":", "/")]
        if hashlib.sha256(content).hexdigest() != descriptor["digest"][7:] or len(content) != descriptor["size"]:
            raise AssertionError(f"blob is not what {descriptor} says")
        return content

    def members(self):
        with tarfile.open(fileobj=io.BytesIO(self.layer)) as tar:
            return tar.getmembers()

    def extract(self, folder):
        with tarfile.open(fileobj=io.BytesIO(self.layer)) as tar:
            tar.extractall(folder)


class Images(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        first = make(cls.folder / "one")
        if first.returncode != 0:
            raise AssertionError(first.stderr)
        cls.names = sorted(p.stem for p in (cls.folder / "one").glob("*.tar"))
        cls.images = {name: Image(cls.folder / "one" / f"{name}.tar") for name in cls.names}
        cls.roots = {name: cls.folder / "roots" / name for name in cls.names}
        for name, image in cls.images.items():
            image.extract(cls.roots[name])

    @classmethod
    def tearDownClass(cls):
        subprocess.run(["chmod", "-R", "u+w", cls.folder], check=True)
        cls.scratch.cleanup()

    def test_there_is_one_of_every_program(self):
        self.assertEqual(set(self.names), {"agent", "cli", "coordinator", "modelserver", "simtee", "webhook"})

    def test_two_builds_have_one_digest(self):
        second = make(self.folder / "two")
        self.assertEqual(second.returncode, 0, second.stderr)
        for path in sorted((self.folder / "one").iterdir()):
            self.assertEqual(path.read_bytes(), (self.folder / "two" / path.name).read_bytes(), path.name)

    def test_sizes(self):
        for name, image in self.images.items():
            size = sum(m.size for m in image.members())
            self.assertLess(size, LIMITS.get(name, LIMIT), name)

    def test_configuration(self):
        for name, image in self.images.items():
            config = image.config["config"]
            self.assertEqual(config["User"], "65532:65532", name)
            program = self.roots[name] / config["Entrypoint"][0].lstrip("/")
            self.assertTrue(os.access(program, os.X_OK), name)
            labels = config["Labels"]
            for label in ("title", "description", "version", "licenses", "created"):
                self.assertTrue(labels[f"org.opencontainers.image.{label}"], name)
            self.assertEqual(image.manifest["annotations"], labels, name)
            self.assertEqual(image.config["rootfs"]["diff_ids"], ["sha256:" + hashlib.sha256(image.layer).hexdigest()])
            tag = self.tag(image)
            self.assertRegex(tag, r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")
            docker = json.loads(image.files["manifest.json"])[0]
            self.assertEqual(docker["RepoTags"], [f"localhost/strongroom/{name}:{tag}"])
            self.assertIn(docker["Config"], image.files)
            self.assertIn(docker["Layers"][0], image.files)

    def test_the_revision_is_a_label_where_one_is_known(self):
        for revision in ("", "0123456789abcdef0123456789abcdef01234567-dirty"):
            done = make(self.folder / "three", "agent", STRONGROOM_REVISION=revision)
            self.assertEqual(done.returncode, 0, done.stderr)
            labels = Image(self.folder / "three/agent.tar").config["config"]["Labels"]
            self.assertEqual(labels.get("org.opencontainers.image.revision", ""), revision)

    @staticmethod
    def tag(image):
        return image.descriptor["annotations"]["org.opencontainers.image.ref.name"]

    def test_files_are_dated_owned_and_closed(self):
        for name, image in self.images.items():
            members = image.members()
            self.assertEqual([m.name for m in members], sorted((m.name for m in members), key=lambda n: pathlib.PurePath(n).parts))
            for member in members:
                self.assertEqual((member.mtime, member.uid, member.gid), (EPOCH, 0, 0), f"{name}: {member.name}")
                self.assertIn(member.mode, (0o755, 0o555, 0o444, 0o777 if member.issym() else 0o444), f"{name}: {member.name}")
                self.assertNotIn(pathlib.PurePath(member.name).name, SHELLS, name)
                self.assertFalse(member.isdev() or member.islnk(), member.name)

    def measure(self, folder, launch):
        return subprocess.run([BIN / "strongroom-simtee", "measure", "--json", "--well-known-world", "--image", folder,
                               "--launch", launch], capture_output=True, text=True)

    def test_libraries_are_all_there(self):
        for name, folder in self.roots.items():
            for program in sorted((folder / "usr/bin").iterdir()):
                (folder / "probe.json").write_text(json.dumps({"format": "strongroom-launch/1", "program": f"/usr/bin/{program.name}"}))
                measured = self.measure(folder, "/probe.json")
                (folder / "probe.json").unlink()
                self.assertEqual(measured.returncode, 0, f"{name}: {measured.stderr}")
        library = self.roots["agent"] / "lib/x86_64-linux-gnu/libssl.so.3"
        hidden = library.rename(library.with_name("hidden"))
        (self.roots["agent"] / "probe.json").write_text('{"format":"strongroom-launch/1","program":"/usr/bin/strongroom-agent"}')
        without = self.measure(self.roots["agent"], "/probe.json")
        (self.roots["agent"] / "probe.json").unlink()
        hidden.rename(library)
        self.assertIn("library libssl.so.3", without.stderr, "control: a missing library is noticed")

    def test_measurements_are_those_of_the_images(self):
        known = json.loads((self.folder / "one/measurements.json").read_text())
        self.assertEqual(set(known), set(ROLES))
        for role, mrenclave in known.items():
            measured = json.loads(self.measure(self.roots[ROLES[role]], f"/{LAUNCH}/{role}.json").stdout)
            self.assertEqual(measured["UniqueID"], mrenclave)
            self.assertTrue(measured["SignerID"], "signed")

    def test_every_file_is_measured_but_what_says_how(self):
        for role, name in ROLES.items():
            folder = self.roots[name]
            record = subprocess.run([BIN / "strongroom-simtee", "measure", "--record", "--well-known-world", "--image", folder,
                                     "--launch", f"/{LAUNCH}/{role}.json"], capture_output=True, text=True, check=True)
            measured = {file["path"] for file in json.loads(record.stdout)["files"]}
            found = {f"/{path.relative_to(folder)}" for path in folder.rglob("*") if path.is_file()}
            descriptions = {f"/{LAUNCH}/{other}{end}" for other, image in ROLES.items() if image == name for end in (".json", ".json.sig")}
            self.assertEqual(found - measured, descriptions, role)  # a description is in the record itself, its signature over that
            self.assertEqual(measured - found, set(), role)

    def test_one_changed_byte_breaks_the_signature(self):
        for role, path in (("modelserver", "usr/bin/strongroom-modelserver"), ("modelserver", "etc/nsswitch.conf"),
                           ("coordinator", "etc/passwd"), ("agent-init", "etc/group"), ("agent-sidecar", f"{LAUNCH}/agent.json")):
            folder = self.roots[ROLES[role]]
            content = (folder / path).read_bytes()
            (folder / path).chmod(0o755)
            (folder / path).write_bytes(content[:15] + bytes([content[15] ^ 1]) + content[16:])
            changed = self.measure(folder, f"/{LAUNCH}/{role}.json")
            (folder / path).write_bytes(content)
            self.assertIn("sign it again, or undo the change", changed.stderr, f"{role}: {path}")
            self.assertEqual(self.measure(folder, f"/{LAUNCH}/{role}.json").returncode, 0, "control: undone")

    def test_only_the_simulated_launch_trusts_the_test_world(self):
        anchor = json.loads(self.measure(self.roots["coordinator"], f"/{LAUNCH}/coordinator.json").stdout)["TrustAnchor"]
        for name, root in self.roots.items():
            for file in (root / "etc").rglob("*"):
                if file.is_file() and file.parent != root / LAUNCH:
                    self.assertNotIn(anchor.encode(), file.read_bytes(), f"{name}: {file}")
                    self.assertNotIn(b"accept_any_manifest", file.read_bytes(), f"{name}: {file}")
            self.assertFalse((root / "etc/strongroom/agent.json").exists(), f"{name}: an agent outside of simulation would find it")

    def test_the_agent_expects_the_coordinator(self):
        coordinator = json.loads(self.measure(self.roots["coordinator"], f"/{LAUNCH}/coordinator.json").stdout)
        for name in ("modelserver", "agent"):
            config = json.loads((self.roots[name] / LAUNCH / "agent.json").read_text())["coordinator"]
            self.assertEqual(config["mrsigner"], coordinator["SignerID"])
            self.assertEqual(config["product_id"], coordinator["ProductID"])
            self.assertLessEqual(config["security_version"], coordinator["SecurityVersion"])
            self.assertEqual(config["trust_anchors"], [coordinator["TrustAnchor"]])

    def test_bills_of_material_name_every_file(self):
        for name, image in self.images.items():
            bill = json.loads((self.folder / "one" / f"{name}.spdx.json").read_text())
            self.assertEqual(bill["spdxVersion"], "SPDX-2.3")
            listed = {f["fileName"]: {c["algorithm"]: c["checksumValue"] for c in f["checksums"]}["SHA256"] for f in bill["files"]}
            folder = self.roots[name]
            found = {f"./{p.relative_to(folder)}": hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}
            self.assertEqual(listed, found, name)
            packages = {p["name"]: p for p in bill["packages"]}
            self.assertIn("libc6", packages)
            self.assertIn("strongroom", packages)
            self.assertEqual("openvino" in packages, name == "modelserver")
            self.assertTrue(all(p["versionInfo"] for p in packages.values()))
            sha1 = {f["SPDXID"]: f["checksums"][0]["checksumValue"] for f in bill["files"]}
            for package in packages.values():
                contained = sorted(sha1[r["relatedSpdxElement"]] for r in bill["relationships"]
                                   if r["relationshipType"] == "CONTAINS" and r["spdxElementId"] == package["SPDXID"])
                self.assertEqual(package["packageVerificationCode"]["packageVerificationCodeValue"],
                                 hashlib.sha1("".join(contained).encode()).hexdigest())
            attached = json.loads(image.blob(image.referrer))
            self.assertEqual(attached["subject"]["digest"], image.descriptor["digest"])
            self.assertEqual(json.loads(image.blob(attached["layers"][0])), bill)

    def test_names_take_a_registry_and_a_tag(self):
        done = make(self.folder / "named", "-r", "registry.test:5000/team", "-g", "7", "cli")
        self.assertEqual(done.returncode, 0, done.stderr)
        image = Image(self.folder / "named/cli.tar")
        self.assertEqual(image.descriptor["annotations"]["io.containerd.image.name"], "registry.test:5000/team/strongroom/cli:7")
        self.assertEqual(image.descriptor["digest"], self.images["cli"].descriptor["digest"], "a name changes no content")
        unknown = make(self.folder / "named", "nonesuch")
        self.assertNotEqual(unknown.returncode, 0)
        self.assertIn("no image nonesuch", unknown.stderr)
        hostless = make(self.folder / "named", "-r", "team", "cli")
        self.assertNotEqual(hostless.returncode, 0)
        self.assertIn("names no host", hostless.stderr)

    def test_gramine_templates_name_what_the_images_have(self):
        for name in ("coordinator", "modelserver"):
            text = (ROOT / f"deploy/gramine/{name}.manifest.template").read_text()
            manifest = tomllib.loads(render(text, image="/image", agent_json="/agent.json", threads="36", enclave_size="4G"))
            self.assertFalse(manifest["sgx"]["debug"])
            self.assertEqual(manifest["sgx"]["remote_attestation"], "dcap")
            self.assertFalse([key for key in flat(manifest) if "insecure" in key])
            launch = json.loads((self.roots[name] / f"{LAUNCH}/{name}.json").read_text())
            # Gramine 1.8 and later fill in their own, and refuse the older form of it.
            self.assertNotIn("entrypoint", manifest["loader"])
            self.assertEqual(manifest["fs"]["root"], {"type": "tmpfs"})  # no folder of the host's, which may lack it
            self.assertEqual(manifest["libos"]["entrypoint"], launch["program"])
            # On hardware the agent reads the owner's file, not the one that trusts the TEST world.
            argv = [word.replace("/etc/strongroom/launch/agent.json", "/etc/strongroom/agent.json") for word in launch["argv"]]
            self.assertEqual(manifest["loader"]["argv"], argv)
            self.assertEqual(manifest["sgx"]["isvprodid"], launch["product_id"])
            uris = manifest["sgx"]["trusted_files"] + [m["uri"] for m in manifest["fs"]["mounts"] if "uri" in m]
            in_image = [uri.removeprefix("file:/image/") for uri in uris if uri.startswith("file:/image/")]
            self.assertGreater(len(in_image), 5)
            for path in in_image:
                self.assertTrue((self.roots[name] / path).exists(), f"{name}: {path}")
            places = [m["path"] for m in manifest["fs"]["mounts"]]
            for mount in launch["mounts"]:
                self.assertIn(mount["path"], places)
            for path in [launch["program"], *launch.get("programs", []), *launch.get("plugins", [])]:
                self.assertTrue(trusted(path, manifest["sgx"]["trusted_files"]), f"{name}: {path} is not a trusted file")
            variables = {k for k, v in manifest["loader"]["env"].items() if isinstance(v, dict)}
            self.assertLessEqual(variables, set(launch["host_env"]))

    def test_kserve_mounts_and_asks_where_the_measured_launch_says(self):
        root = self.roots["modelserver"]
        launch, agent = (json.loads((root / LAUNCH / f"{name}.json").read_text()) for name in ("modelserver", "agent"))
        runtime, service = (yaml.safe_load((ROOT / f"deploy/kserve/{name}.yaml").read_text())["spec"]
                            for name in ("clusterservingruntime", "inferenceservice"))
        self.assertEqual([place["mountPath"] for place in service["predictor"]["storageUris"]], [mount["path"] for mount in launch["mounts"]])
        self.assertNotIn("storageUri", service["predictor"]["model"])  # KServe mounts that one at /mnt/models
        self.assertIn("--model_base_path=" + launch["mounts"][0]["path"], agent["argv"])
        [server] = runtime["containers"]
        self.assertIn(f"--port={server['ports'][0]['containerPort']}", agent["argv"])
        for probe in ("startupProbe", "readinessProbe"):
            self.assertIn(f"--health_port={server[probe]['httpGet']['port']}", agent["argv"])

    def test_the_gramine_image_gives_the_templates_what_they_want_where_they_look_for_it(self):
        text = (ROOT / "deploy/gramine/Dockerfile").read_text()
        given = dict(re.findall(r'-D(\w+)="?([^\s"]+)"?', text))
        copies = re.findall(r"^COPY (\w+)/ (\S+)/$", text, re.M)
        self.assertEqual(copies, [("image", given["image"]), ("gramine", "/gramine")])
        self.assertEqual(given["agent_json"], "/gramine/agent.json")
        for name in ("coordinator", "modelserver"):
            wanted = {word for word in re.findall(r"\{\{\s*(.+?)\s*\}\}", (ROOT / f"deploy/gramine/{name}.manifest.template").read_text())
                      if not word.startswith("gramine.")}
            self.assertLessEqual(wanted, set(given), name)
        signed = re.search(r"gramine-sgx-sign .*--output (\w+)\.manifest\.sgx$", text, re.M)[1]
        self.assertEqual(json.loads(re.search(r"^ENTRYPOINT (.*)$", text, re.M)[1]), ["gramine-sgx", signed])
        self.assertEqual(re.search(r"^USER (.*)$", text, re.M)[1], "65532:65532")
        readme = (ROOT / "deploy/gramine/README.md").read_text()
        for argument in re.search(r"^ARG (.*)$", text, re.M)[1].split():
            self.assertIn(f"--build-arg {argument}=", readme)
        self.assertIn(f"--secret id={re.search(r'type=secret,id=([a-z-]+)', text)[1]},", readme)

    def test_pods_for_confidential_containers_are_restricted(self):
        for name in ("coordinator", "modelserver"):
            pod = yaml.safe_load((ROOT / f"deploy/coco/{name}.yaml").read_text())
            self.assertEqual(pod["spec"]["runtimeClassName"], "kata-qemu-tdx")
            self.assertTrue(pod["spec"]["securityContext"]["runAsNonRoot"])
            for container in pod["spec"]["containers"]:
                self.assertEqual(container["securityContext"]["capabilities"], {"drop": ["ALL"]})
                self.assertTrue(container["image"].startswith(f"localhost/strongroom/{name}:"))


class Revision(unittest.TestCase):
    """What tools/images takes for the programs' commit: the script itself, before images that are not made."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name).resolve()
        self.head = self.checkout(self.folder / "own")

    def git(self, folder, *words):
        keep = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false", *words],
                              cwd=folder, check=True, capture_output=True, text=True, env=keep).stdout.strip()

    def unpack(self, folder):
        (folder / "tools/images.d").mkdir(parents=True)
        shutil.copy(ROOT / "tools/images", folder / "tools")
        (folder / "tools/images.d/main.py").write_text(
            "import os, sys\nprint(os.environ['STRONGROOM_REVISION'], os.environ['SOURCE_DATE_EPOCH'], file=sys.stderr)\n")
        (folder / "CHANGELOG.md").write_text("# Changelog\n")
        os.utime(folder / "CHANGELOG.md", (7, 7))

    def checkout(self, folder):
        self.unpack(folder)
        self.git(folder, "init", "-q")
        self.git(folder, "add", ".")
        self.git(folder, "commit", "-q", "-m", folder.name)
        return self.git(folder, "rev-parse", "HEAD")

    def said(self, version, folder=None, **environment):
        """The revision and the date for programs of this version."""
        programs = self.folder / "bin"
        programs.mkdir(exist_ok=True)
        (programs / "strongroom-coordinator").write_text(f"#!/bin/sh\necho {version}\n")
        (programs / "strongroom-coordinator").chmod(0o755)
        keep = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") and name not in (
            "SOURCE_DATE_EPOCH", "STRONGROOM_REVISION")}
        done = subprocess.run([(folder or self.folder / "own") / "tools/images"], capture_output=True, text=True,
                              env=keep | {"STRONGROOM_BIN": str(programs)} | environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr.removesuffix("\n").split(" ")

    def test_is_the_programs_own_commit(self):
        this = f"0.1.0+20260131120500.g{self.head[:12]}"
        for name, version, wanted in (
                ("this commit", this, self.head),
                ("changed files were built", f"{this}-dirty", f"{self.head}-dirty"),
                ("another commit", "0.1.0+20260131120500.g0123456789ab", ""),
                ("changed files of another commit", "0.1.0+20260131120500.g0123456789ab-dirty", ""),
                ("no checkout", "0.1.0", "")):
            with self.subTest(name):
                self.assertEqual(self.said(version)[0], wanted)
        self.git(self.folder / "own", "tag", "v0.2.0")
        self.assertEqual(self.said("0.2.0")[0], self.head)
        (self.folder / "own/CHANGELOG.md").write_text("changed since\n")
        self.assertEqual(self.said(this)[0], f"{self.head}-dirty")
        self.git(self.folder / "own", "commit", "-q", "-a", "-m", "on")
        for version in (this, "0.2.0"):
            self.assertEqual(self.said(version)[0], "", "built before the last commit")

    def test_is_no_commit_of_a_checkout_around_a_tarball_or_of_one_whose_hook_builds(self):
        tarball = self.folder / "own/tarball"
        self.unpack(tarball)
        this = f"0.1.0+20260131120500.g{self.head[:12]}"
        self.assertEqual(self.said(this, tarball), ["", "7"])
        self.checkout(self.folder / "other")
        told = {"GIT_DIR": str(self.folder / "other/.git"), "GIT_WORK_TREE": str(self.folder / "own")}
        self.assertEqual(self.said(this, **told)[0], self.head)
        self.assertEqual(self.said(this, tarball, GIT_DIR=str(self.folder / "own/.git"), GIT_WORK_TREE=str(tarball)), ["", "7"])


def render(template, **values):
    """What gramine-manifest makes of a template: ours use names only."""
    values |= {"gramine.libos": "/gramine/libsysdb.so", "gramine.runtimedir()": "/gramine/runtime"}
    return re.sub(r"\{\{\s*(.+?)\s*\}\}", lambda match: values[match[1]], template)


def flat(table, prefix=""):
    for key, value in table.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")


def trusted(path, uris):
    return any(uri == f"file:/image{path}" or (uri.endswith("/") and f"file:/image{path}".startswith(uri)) for uri in uris)


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
