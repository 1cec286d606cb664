"""The launch descriptions and the agent's configuration in the images, for simulation: docs/formats/launch-description.md.

They are signed by the well-known TEST signer and trust the well-known TEST root, whose keys are public.
"""
import json
import os
import subprocess

FOLDER = "etc/strongroom/launch"
FORMAT = "strongroom-launch/1"
COORDINATOR_PRODUCT, MODELSERVER_PRODUCT, AGENT_PRODUCT = 1, 2, 3
SECURITY_VERSION = 1
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
# What the C library reads unasked, in every image: a changed byte of it is another workload.
NAMES = ["/etc/group", "/etc/nsswitch.conf", "/etc/passwd"]


def run(simtee, *words):
    out = subprocess.run([simtee, *words], capture_output=True, text=True,
                         env={"PATH": os.environ["PATH"]})
    if out.returncode != 0:
        raise SystemExit(f"tools/images: {simtee.name} {words[0]}: {out.stderr.strip()}")
    return json.loads(out.stdout)


def write(root, simtee, epoch, role, description):
    """Writes and signs a description; the identity that it gives."""
    path = f"{FOLDER}/{role}.json"
    root.write(path, json.dumps({"format": FORMAT} | description, indent=2) + "\n")
    return run(simtee, "sign", "--json", "--well-known-world", "--well-known-signer", "--date", str(epoch),
               "--image", str(root.folder), "/" + path)


def write_coordinator(root, simtee, epoch):
    return write(root, simtee, epoch, "coordinator", {
        "program": "/usr/bin/strongroom-coordinator",
        "argv": ["strongroom-coordinator"],
        "env": {"EDG_COORDINATOR_SEAL_DIR": "/coordinator/data"},
        "host_env": ["EDG_COORDINATOR_CLIENT_ADDR", "EDG_COORDINATOR_DNS_NAMES", "EDG_COORDINATOR_MESH_ADDR",
                     "EDG_COORDINATOR_PROMETHEUS_ADDR", "STRONGROOM_LOG_FORMAT", "STRONGROOM_LOG_LEVEL",
                     "STRONGROOM_PCCS_URL"],
        "files": [*NAMES, AUTHORITIES],
        "mounts": [{"path": "/coordinator/data", "writable": True}],
        "product_id": COORDINATOR_PRODUCT,
        "security_version": SECURITY_VERSION,
    })


CONFIGURATION = "/etc/strongroom/launch/agent.json"
# What the agent is told by the host: where the coordinator is, and what the pod is called.
AGENT_HOST_ENV = ["EDG_LOG_FORMAT", "EDG_MARBLE_COORDINATOR_ADDR", "EDG_MARBLE_DNS_NAMES", "EDG_MARBLE_TYPE",
                  "EDG_MARBLE_UUID_FILE"]
MODELSERVER = {
    "kind": "strongroom",
    "program": "/usr/bin/strongroom-modelserver",
    "argv": ["strongroom-modelserver", "--model_base_path=/models", "--port=8500", "--health_port=8080"],
}
# For workloads in containers beside the agent's: what the manifest's Files say, and these.
FILES = {
    "kind": "foreign",
    "program": "/usr/bin/strongroom-agent",  # starts nothing
    "credential_files": {
        "certificate_chain": "/run/strongroom/tls.crt",
        "private_key": "/run/strongroom/tls.key",
        "marble_root": "/run/strongroom/mesh.crt",
        "root": "/run/strongroom/root.crt",
    },
}


def agent_configuration(signer, anchor):
    """Whom the agent takes for its coordinator: the signer and product, as a rebuilt coordinator keeps them.

    It trusts the TEST world, so only the simulated launches name it: an agent on hardware looks elsewhere by default, finds
    nothing and ends."""
    return {
        "format": "strongroom-agent/1",
        "coordinator": {
            "mrsigner": signer,
            "product_id": COORDINATOR_PRODUCT,
            "security_version": SECURITY_VERSION,
            "trust_anchors": [anchor],
            "accept_any_manifest": True,
        },
    }


def write_with_agent(root, simtee, epoch, roles, program):
    """Descriptions that start the agent, by role, and its configuration; the identities that they give."""
    def write_all():
        return {role: write(root, simtee, epoch, role, description) for role, description in roles.items()}
    # The signer is the same for all images, whatever is measured: the agent's own tells it.
    root.write(CONFIGURATION[1:], "{}\n")
    identity = next(iter(write_all().values()))
    config = agent_configuration(identity["SignerID"], identity["TrustAnchor"]) | program
    root.write(CONFIGURATION[1:], json.dumps(config, indent=2) + "\n")
    return write_all()


def write_modelserver(root, simtee, epoch, plugins):
    return write_with_agent(root, simtee, epoch, {"modelserver": {
        "program": "/usr/bin/strongroom-agent",
        "argv": ["strongroom-agent", "run", "--config", CONFIGURATION],
        "host_env": [*AGENT_HOST_ENV, "POD_IP", "POD_NAME", "POD_NAMESPACE"],
        "programs": ["/usr/bin/strongroom-modelserver"],
        "plugins": plugins,
        "files": [*NAMES, AUTHORITIES, CONFIGURATION],
        "mounts": [{"path": "/models"}],
        "product_id": MODELSERVER_PRODUCT,
        "security_version": SECURITY_VERSION,
    }}, MODELSERVER)


def write_agent(root, simtee, epoch):
    """The webhook's modes init and sidecar."""
    return write_with_agent(root, simtee, epoch, {f"agent-{mode}": {
        "program": "/usr/bin/strongroom-agent",
        "argv": ["strongroom-agent", mode, "--config", CONFIGURATION],
        "host_env": AGENT_HOST_ENV,
        "files": [*NAMES, AUTHORITIES, CONFIGURATION],
        "mounts": [{"path": "/run/strongroom", "writable": True}],
        "product_id": AGENT_PRODUCT,
        "security_version": SECURITY_VERSION,
    } for mode in ("init", "sidecar")}, FILES)
