# shellcheck shell=bash
# Plaintext and keys are at the owner's and nowhere on the host.

title "A search for what must not be on the host"
mkdir -p "$out/owner/control"
note "positive control: the same search must find everything in owner/"
"$python" - "$out/owner" <<'PYTHON'
import base64, pathlib, sys
owner = pathlib.Path(sys.argv[1])
for source in (owner / "digits.key", owner / "plain/digits/1/model.bin"):
    data = source.read_bytes()
    for shift in range(3):
        (owner / "control" / f"{source.name}.{shift}.b64").write_bytes(base64.b64encode(b"\0" * shift + data))
    # Chunks are looked for at the bytes where they begin, so that base64 of each alignment is there.
    (owner / "control" / f"{source.name}.hex").write_text(data.hex() + data.hex().upper())
PYTHON
search=("$python" "$repository/tools/demo.d/leaks.py" --key digits.key --weights plain/digits/1/model.bin)
as owner "${search[@]}" --present .
as owner "${search[@]}" --absent --except . ../host /dev/shm "${TMPDIR:-/tmp}"
ok "no key and no weights in the host's folders, in shared memory or in temporary files"
