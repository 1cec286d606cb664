"""Prints a manifest for one encrypted model behind the chart strongroom-serving, in simulation.

usage: manifest.py MEASUREMENTS IDENTITY PLAIN_FOLDER --owner OWNER.crt --client CLIENT.crt [--service NAME.NAMESPACE]

MEASUREMENTS is build/images/measurements.json (which model server gets the key), IDENTITY the coordinator's
(simulated-coordinator.json: it names the TEST root). The model's name is that of PLAIN_FOLDER, its key NAME_key.
"""
import argparse
import hashlib
import json
import pathlib


def files_of(folder):
    """"<version>/<file>" to the SHA-256 of its plaintext: an older or another model is refused."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def names_of(service):
    """What clients may call the model servers: the Service, its headless twin, and a port-forward's localhost."""
    name, namespace = service.split(".")
    return ["localhost", "modelserver"] + [
        f"{host}.{namespace}{domain}" for host in (name, f"{name}-headless")
        for domain in ("", ".svc", ".svc.cluster.local")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measurements", type=pathlib.Path)
    parser.add_argument("identity", type=pathlib.Path)
    parser.add_argument("plain", type=pathlib.Path)
    parser.add_argument("--owner", type=pathlib.Path, required=True)
    parser.add_argument("--client", type=pathlib.Path, required=True)
    parser.add_argument("--service", default="digits.models")
    args = parser.parse_args()
    model = args.plain.name
    print(json.dumps({
        "Packages": {"modelserver": {
            "UniqueID": json.loads(args.measurements.read_text())["modelserver"],
            "TrustAnchors": json.loads(args.identity.read_text())["TrustAnchors"],
        }},
        "Marbles": {"modelserver": {
            "Package": "modelserver", "Models": [model], "SANs": names_of(args.service),
        }},
        "Models": {model: {"Key": f"{model}_key", "Files": files_of(args.plain), "Clients": ["asker"]}},
        "Secrets": {f"{model}_key": {"Type": "symmetric-key", "Size": 128, "UserDefined": True}},
        "Users": {
            "owner": {"Certificate": args.owner.read_text(), "Roles": ["key_owner"]},
            "client": {"Certificate": args.client.read_text(), "Roles": ["asker"]},
        },
        "Roles": {
            "key_owner": {"ResourceType": "Secrets", "ResourceNames": [f"{model}_key"], "Actions": ["WriteSecret"]},
            "asker": {},
        },
    }, indent=2))


if __name__ == "__main__":
    main()
