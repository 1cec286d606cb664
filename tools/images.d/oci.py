"""Writes a folder as a one-layer image: an OCI layout in a tar, which `docker load` takes as well.

Image format: opencontainers/image-spec 1.1. Everything is sorted and dated, so the same folder gives the same bytes.
"""
import dataclasses
import hashlib
import io
import json
import stat
import tarfile
import time

OCI = "application/vnd.oci.image."
EMPTY = b"{}"
USER = 65532


@dataclasses.dataclass
class Description:
    reference: str  # "registry/strongroom/agent:1.0"
    title: str
    summary: str
    version: str
    epoch: int
    revision: str  # of the source, as git names it; empty where nothing knows it
    entrypoint: list
    bill_of_materials: bytes  # SPDX, attached as a referrer


def encode(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def entry(path, epoch, kind=tarfile.REGTYPE, mode=0o444, size=0):
    info = tarfile.TarInfo(str(path))
    info.mtime, info.type, info.mode, info.size = epoch, kind, mode, size
    return info


def layer(root, epoch):
    """All of `root`, owned by root, writable by nobody."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root)
            if path.is_symlink():
                info = entry(name, epoch, tarfile.SYMTYPE, 0o777)
                info.linkname = str(path.readlink())
                tar.addfile(info)
            elif path.is_dir():
                tar.addfile(entry(name, epoch, tarfile.DIRTYPE, 0o755))
            else:
                mode = 0o555 if path.stat().st_mode & stat.S_IXUSR else 0o444
                tar.addfile(entry(name, epoch, mode=mode, size=path.stat().st_size), io.BytesIO(path.read_bytes()))
    return out.getvalue()


class Blobs:
    """The content-addressed part of a layout."""

    def __init__(self):
        self.by_path = {}

    def add(self, media_type, content, **more):
        digest = hashlib.sha256(content).hexdigest()
        self.by_path[f"blobs/sha256/{digest}"] = content
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content), **more}


def labels(what):
    prefix = "org.opencontainers.image."
    said = {"title": what.title, "description": what.summary, "version": what.version, "revision": what.revision,
            "licenses": "Apache-2.0", "created": timestamp(what.epoch)}
    return {prefix + name: value for name, value in said.items() if value}


def timestamp(epoch):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def configuration(what, layer_digest):
    return encode({
        "created": timestamp(what.epoch), "architecture": "amd64", "os": "linux",
        "config": {"User": f"{USER}:{USER}", "Entrypoint": what.entrypoint, "WorkingDir": "/",
                   "Env": ["PATH=/usr/bin"], "Labels": labels(what)},
        "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
        "history": [{"created": timestamp(what.epoch), "created_by": "tools/images"}]})


def manifest(config, layers, **more):
    return encode({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": config, "layers": layers, **more})


def write_archive(archive, root, what):
    """The digest of the image's manifest."""
    blobs = Blobs()
    content = blobs.add(OCI + "layer.v1.tar", layer(root, what.epoch))
    config = blobs.add(OCI + "config.v1+json", configuration(what, content["digest"]))
    image = blobs.add(OCI + "manifest.v1+json", manifest(config, [content], annotations=labels(what)))
    bill = blobs.add("application/spdx+json", what.bill_of_materials)
    nothing = blobs.add("application/vnd.oci.empty.v1+json", EMPTY)
    referrer = blobs.add(OCI + "manifest.v1+json", manifest(
        nothing, [bill], subject=image, artifactType="application/spdx+json"), artifactType="application/spdx+json")
    named = image | {"platform": {"architecture": "amd64", "os": "linux"}, "annotations": {
        "org.opencontainers.image.ref.name": what.reference.rsplit(":", 1)[1],
        "io.containerd.image.name": what.reference}}
    for_docker = [{"Config": "blobs/sha256/" + config["digest"][7:], "RepoTags": [what.reference],
                   "Layers": ["blobs/sha256/" + content["digest"][7:]]}]
    files = {"oci-layout": encode({"imageLayoutVersion": "1.0.0"}), "manifest.json": encode(for_docker),
             "index.json": encode({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [named, referrer]})}
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for path, data in sorted((files | blobs.by_path).items()):
            tar.addfile(entry(path, what.epoch, size=len(data)), io.BytesIO(data))
    return image["digest"]
