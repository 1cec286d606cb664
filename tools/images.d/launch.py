"""The launch descriptions and the agent's configuration in the images, for simulation: docs/formats/launch-description.md.

They are signed by the well-known TEST signer and trust the well-known TEST root, whose keys are public.
"""
import json
import os
import subprocess

FOLDER = "etc/strongroom/launch"
FORMAT = "strongroom-launch/1"
COORDINATOR_PRODUCT, MODELSERVER_PRODUCT = 1, 2
SECURITY_VERSION = 1
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


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
        "files": [AUTHORITIES],
        "mounts": [{"path": "/coordinator/data", "writable": True}],
        "product_id": COORDINATOR_PRODUCT,
        "security_version": SECURITY_VERSION,
    })


def agent_configuration(signer, anchor):
    """Whom the agent takes for its coordinator: the signer and product, as a rebuilt coordinator keeps them.

    It trusts the TEST world, so only the simulated launch names it: an agent on hardware looks elsewhere by default, finds
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
        "kind": "strongroom",
        "program": "/usr/bin/strongroom-modelserver",
        "argv": ["strongroom-modelserver", "--model_base_path=/models", "--port=8500", "--health_port=8080"],
    }


def write_modelserver(root, simtee, epoch, plugins):
    description = {
        "program": "/usr/bin/strongroom-agent",
        "argv": ["strongroom-agent", "run", "--config", "/etc/strongroom/launch/agent.json"],
        "host_env": ["EDG_LOG_FORMAT", "EDG_MARBLE_COORDINATOR_ADDR", "EDG_MARBLE_DNS_NAMES", "EDG_MARBLE_TYPE",
                     "POD_IP", "POD_NAME", "POD_NAMESPACE"],
        "programs": ["/usr/bin/strongroom-modelserver"],
        "plugins": plugins,
        "files": ["/etc/strongroom/launch/agent.json"],
        "mounts": [{"path": "/models"}],
        "product_id": MODELSERVER_PRODUCT,
        "security_version": SECURITY_VERSION,
    }
    # The signer is the same for both images, whatever is measured: the agent's own tells it.
    root.write("etc/strongroom/launch/agent.json", "{}\n")
    identity = write(root, simtee, epoch, "modelserver", description)
    config = agent_configuration(identity["SignerID"], identity["TrustAnchor"])
    root.write("etc/strongroom/launch/agent.json", json.dumps(config, indent=2) + "\n")
    return write(root, simtee, epoch, "modelserver", description)
