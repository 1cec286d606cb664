# shellcheck shell=bash
# Plaintext and keys are at the owner's and nowhere on the host.

title "A search for what must not be on the host"
mkdir -p "$out/owner/control"
note "positive control: the same search must find everything in owner/"
large_weights="plain/zoo/$shelf/large/1/model.bin"
"$python" - "$out/owner" "$large_weights" <<'PYTHON'
import base64, pathlib, sys
owner, large_weights = pathlib.Path(sys.argv[1]), sys.argv[2]
for number, source in enumerate(("digits.key", "plain/digits/1/model.bin", "large.key", large_weights)):
    data = (owner / source).read_bytes()
    # What is looked for, with neighbours: all of a key, and of weights the places that leaks.py takes.
    places = [int(len(data) * share) for share in (0.1, 0.5, 0.9)] if len(data) > 16 else [0]
    parts = [data[max(0, at - 64):at + 256] for at in places]
    for shift in range(3):
        text = b"\n".join(base64.b64encode(b"\0" * shift + part) for part in parts)
        (owner / "control" / f"{number}.{shift}.b64").write_bytes(text)
    (owner / "control" / f"{number}.hex").write_text("\n".join(part.hex() + "\n" + part.hex().upper() for part in parts))
PYTHON
search=("$python" "$repository/tools/demo.d/leaks.py" --model digits.key plain/digits/1/model.bin --model large.key "$large_weights")
as owner "${search[@]}" --present .
as owner "${search[@]}" --absent --except . ../host /dev/shm "${TMPDIR:-/tmp}"
ok "no key and no weights of either model in the host's folders, in shared memory or in temporary files"
