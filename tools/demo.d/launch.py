"""Writes the launch descriptions of the demo: what is measured, and what the host may choose.

usage: launch.py HOST_FOLDER BIN_FOLDER coordinator
       launch.py HOST_FOLDER BIN_FOLDER recorder
       launch.py HOST_FOLDER BIN_FOLDER modelserver --identity COORDINATOR.json --trust-anchor SHA256
                 --root COORDINATOR_ROOT.pem --openvino FOLDER --argv JSON
"""
import argparse
import hashlib
import json
import pathlib
import ssl
import time

FORMAT = "strongroom-launch/1"


def write(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def fingerprint(pem):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def coordinator(args):
    write(args.host / "coordinator.launch.json", {
        "format": FORMAT,
        "program": str(args.bin / "strongroom-coordinator"),
        "argv": ["strongroom-coordinator"],
        "env": {"EDG_COORDINATOR_SEAL_DIR": "/state", "EDG_COORDINATOR_DNS_NAMES": "localhost"},
        "host_env": ["EDG_COORDINATOR_MESH_ADDR", "EDG_COORDINATOR_CLIENT_ADDR", "STRONGROOM_PCCS_URL"],
        "mounts": [{"path": "/state", "writable": True}],
        "product_id": 1,
        "security_version": 1,
    })


def engine(openvino):
    """The libraries that OpenVINO opens by name: the CPU plugin and the two front ends we serve."""
    found = [sorted(openvino.glob(f"libopenvino_{part}.so*"))
             for part in ("intel_cpu_plugin", "ir_frontend", "onnx_frontend")]
    if not all(found):
        raise SystemExit(f"{openvino} lacks one of OpenVINO's libraries")
    return [str(path) for paths in found for path in paths]


def modelserver(args):
    identity = json.loads(args.identity.read_text())
    config = {
        "format": "strongroom-agent/1",
        "coordinator": {
            "mrsigner": identity["SignerID"],
            "product_id": identity["ProductID"],
            "security_version": identity["SecurityVersion"],
            "trust_anchors": [args.trust_anchor],
            # The manifest names this file's measurement, so the file cannot name the manifest; it names the coordinator's root.
            "root_sha256": fingerprint(args.root.read_text()),
            "not_before": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
        "marble": "modelserver",
        "kind": "strongroom",
        "program": str(args.bin / "strongroom-modelserver"),
        "argv": args.argv,
    }
    write(args.host / "agent.json", config)
    description = {
        "format": FORMAT,
        "program": str(args.bin / "strongroom-agent"),
        "argv": ["strongroom-agent", "run", "--config", "/etc/strongroom/agent.json"],
        "env": {},
        "host_env": ["EDG_MARBLE_COORDINATOR_ADDR"],
        "programs": [config["program"]],
        "plugins": engine(args.openvino),
        "files": [{"path": "/etc/strongroom/agent.json", "source": "agent.json"}],
        "mounts": [{"path": "/models"}],
        "product_id": 2,
        "security_version": 1,
    }
    write(args.host / "modelserver.launch.json", description)


def recorder(args):
    write(args.host / "recorder.launch.json", {
        "format": FORMAT,
        "program": str(args.bin / "activation-recorder"),
        "argv": ["activation-recorder", "recorder", "/recording/messages.txt"],
        "host_env": ["EDG_MARBLE_COORDINATOR_ADDR"],
        "mounts": [{"path": "/recording", "writable": True}],
        "product_id": 3,
        "security_version": 1,
    })


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("host", type=pathlib.Path)
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("what", choices=["coordinator", "modelserver", "recorder"])
    parser.add_argument("--identity", type=pathlib.Path)
    parser.add_argument("--trust-anchor")
    parser.add_argument("--root", type=pathlib.Path)
    parser.add_argument("--openvino", type=pathlib.Path)
    parser.add_argument("--argv", type=json.loads)
    args = parser.parse_args()
    {"coordinator": coordinator, "modelserver": modelserver, "recorder": recorder}[args.what](args)


if __name__ == "__main__":
    main()
