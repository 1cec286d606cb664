"""What an image is made of, as SPDX 2.3 (JSON): packages from dpkg's and the wheel's own metadata."""
import email
import functools
import hashlib
import json
import pathlib
import subprocess
import time

NAMESPACE = "urn:strongroom:sbom"  # SPDX wants a URI that nobody else uses; nothing is there to be fetched


@functools.cache
def debian_package(file):
    """(name, version, source) of the package that owns `file`, or None."""
    # A file may be registered under its path before the folders /lib and /usr/lib became one.
    for path in (file, file.removeprefix("/usr")):
        found = subprocess.run(["dpkg-query", "-S", path], capture_output=True, text=True)
        if found.returncode == 0:
            name = found.stdout.split(": ")[0].split(",")[0]
            line = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\t${Version}\t${source:Package}", name],
                                  capture_output=True, text=True, check=True).stdout
            return tuple(line.split("\t"))
    return None


@functools.cache
def wheel():
    """(name, version) of the OpenVINO wheel."""
    metadata = sorted(pathlib.Path(".venv").glob("lib/python3*/site-packages/openvino-*.dist-info/METADATA"))
    message = email.message_from_string(metadata[-1].read_text())
    return message["Name"], message["Version"]


def package_of(path, source, release):
    """An SPDX package for the file at `path` of an image."""
    if "usr/lib/strongroom/" in path:
        name, version = wheel()
        return {"name": name, "versionInfo": version, "supplier": "Organization: Intel Corporation",
                "licenseDeclared": "Apache-2.0", "purl": f"pkg:pypi/{name}@{version}"}
    if source and (debian := debian_package(source)):
        name, version, origin = debian
        return {"name": name, "versionInfo": version, "supplier": "Organization: Debian", "sourceInfo": f"source: {origin}",
                "licenseDeclared": "NOASSERTION", "purl": f"pkg:deb/debian/{name}@{version}?arch=amd64"}
    return {"name": "strongroom", "versionInfo": release, "supplier": "Organization: The Strongroom authors",
            "licenseDeclared": "Apache-2.0", "purl": f"pkg:generic/strongroom@{release}"}


def spdx_id(kind, text):
    return f"SPDXRef-{kind}-" + "".join(c if c.isalnum() or c in ".-" else "-" for c in text)


def spdx_package(package):
    identifier = spdx_id("Package", package["name"])
    out = {"SPDXID": identifier, "downloadLocation": "NOASSERTION", "filesAnalyzed": True, "licenseConcluded": "NOASSERTION",
           "copyrightText": "NOASSERTION", "licenseInfoFromFiles": ["NOASSERTION"],
           "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": package["purl"]}]}
    return out | {key: value for key, value in package.items() if key != "purl"}


def verification_code(digests):
    """SPDX 2.3, 7.9: of those files of a package that are here."""
    return {"packageVerificationCodeValue": hashlib.sha1("".join(sorted(digests)).encode()).hexdigest()}


def document(name, release, root, sources, epoch):
    packages, digests, files, relations = {}, {}, [], []
    for path in sorted(p.relative_to(root) for p in root.rglob("*") if p.is_file()):
        package = spdx_package(package_of(str(path), sources.get(str(path)), release))
        packages[package["SPDXID"]] = package
        content = (root / path).read_bytes()
        identifier, sha1 = spdx_id("File", str(path)), hashlib.sha1(content).hexdigest()
        digests.setdefault(package["SPDXID"], []).append(sha1)
        files.append({"SPDXID": identifier, "fileName": f"./{path}", "licenseConcluded": "NOASSERTION",
                      "copyrightText": "NOASSERTION", "licenseInfoInFiles": ["NOASSERTION"],
                      "checksums": [{"algorithm": "SHA1", "checksumValue": sha1},
                                    {"algorithm": "SHA256", "checksumValue": hashlib.sha256(content).hexdigest()}]})
        relations.append({"spdxElementId": package["SPDXID"], "relationshipType": "CONTAINS", "relatedSpdxElement": identifier})
    for identifier, found in digests.items():
        packages[identifier]["packageVerificationCode"] = verification_code(found)
    relations += [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": p} for p in packages]
    identity = hashlib.sha256(json.dumps([files, sorted(packages)]).encode()).hexdigest()
    bill = {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"strongroom-{name}",
            "documentNamespace": f"{NAMESPACE}:{name}:{release}:{identity}",
            "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)), "creators": ["Tool: tools/images"]},
            "packages": [packages[key] for key in sorted(packages)], "files": files, "relationships": relations}
    return (json.dumps(bill, indent=1) + "\n").encode()
