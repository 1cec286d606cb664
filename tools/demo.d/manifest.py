"""Writes the demo's manifest: which code, on which hardware, gets which model's key, and who may ask.

usage: manifest.py IDENTITY.json TRUST_ANCHOR --recorder IDENTITY.json --argv JSON --plain FOLDER --shelf PATH
                   --out FILE [--foreign]

The recorder is a second, harmless workload, which writes down its activation so that the demo can play it again.
"""
import argparse
import hashlib
import json
import pathlib


def files_of(folder):
    """"<version>/<file>" to the SHA-256 of its plaintext."""
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*")) if p.is_file()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("identity", type=pathlib.Path)
    parser.add_argument("trust_anchor")
    parser.add_argument("--recorder", required=True, type=pathlib.Path)
    parser.add_argument("--argv", required=True, type=json.loads)
    parser.add_argument("--plain", required=True, type=pathlib.Path)
    parser.add_argument("--shelf", required=True, help="where in the tree zoo the large model is")
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--foreign", action="store_true", help="the manifest mallory would like: she may do everything")
    args = parser.parse_args()

    deep = f"zoo/{args.shelf}/large"

    def package(identity):
        return {"UniqueID": json.loads(identity.read_text())["UniqueID"], "TrustAnchors": [args.trust_anchor]}

    manifest = {
        "Packages": {"modelserver": package(args.identity), "recorder": package(args.recorder)},
        "Marbles": {
            "modelserver": {
                "Package": "modelserver",
                "Models": ["digits", "large"],
                "Parameters": {"Argv": args.argv},
            },
            "recorder": {"Package": "recorder", "Parameters": {"Env": {"TOKEN": "{{ hex .Secrets.token }}"}}},
        },
        "Secrets": {
            **{name: {"Type": "symmetric-key", "Size": 128, "UserDefined": True} for name in ("digits_key", "large_key")},
            "token": {"Type": "symmetric-key", "Size": 128, "Shared": True},
        },
        "Users": {
            "owner": {"Certificate": pathlib.Path("owner.crt").read_text(), "Roles": ["key_owner"]},
            "alice": {"Certificate": pathlib.Path("alice.crt").read_text(), "Roles": ["asker"]},
            "mallory": {"Certificate": pathlib.Path("mallory.crt").read_text(),
                        "Roles": ["key_owner", "asker"] if args.foreign else []},
        },
        "Roles": {
            "key_owner": {"ResourceType": "Secrets", "ResourceNames": ["digits_key", "large_key"],
                          "Actions": ["WriteSecret"]},
            "asker": {},  # a name for people; what they may ask stands at the models
        },
        "Models": {
            "digits": {"Key": "digits_key", "Files": files_of(args.plain / "digits"), "Clients": ["asker"]},
            "large": {"Key": "large_key", "Files": files_of(args.plain / deep), "Clients": ["asker"], "EmbeddedPrefix": deep},
        },
    }
    args.out.write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
