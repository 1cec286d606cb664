# shellcheck shell=bash
# The owner states who may receive what, and gives the keys to that statement.

title "The owner verifies the coordinator, sets the manifest and hands over the keys"
verify_flags=(--identity coordinator.identity.json --trust-anchor "$trust_anchor" --pccs-url "$pccs_url")
as owner strongroom verify "$coordinator" "${verify_flags[@]}"
ok "the evidence was verified: this code, on this platform, holds the key of this connection"
as owner strongroom certificate root "$coordinator" -o root.crt

note "what the host may start as model server trusts this very coordinator: its root goes into the measured configuration"
write_modelserver_launch
as owner strongroom-simtee sign --key signer.pem ../host/modelserver.launch.json
as owner strongroom-simtee measure --launch ../host/modelserver.launch.json --json
cp "$out/.last" "$out/owner/modelserver.identity.json"
note "a second, harmless workload: it writes down its own activation, for someone to play it again later"
as owner strongroom-simtee measure --launch ../host/recorder.launch.json --json
cp "$out/.last" "$out/owner/recorder.identity.json"
manifest_flags=(modelserver.identity.json "$trust_anchor" --recorder recorder.identity.json --argv "$(modelserver_argv)"
                --plain plain --shelf "$shelf")
as owner "$python" "$repository/tools/demo.d/manifest.py" "${manifest_flags[@]}" --out manifest.json
lines=30 as owner strongroom manifest check manifest.json
as owner strongroom manifest set manifest.json "$coordinator"
as owner strongroom verify "$coordinator" --manifest manifest.json "${verify_flags[@]}"
ok "the coordinator holds exactly this manifest"
as owner strongroom secret set digits.key "$coordinator" --from-file digits_key -c owner.crt -k owner.key
as owner strongroom secret set large.key "$coordinator" --from-file large_key -c owner.crt -k owner.key
as owner strongroom status "$coordinator"
cp "$out/owner/root.crt" "$out/owner/manifest.json" "$out/client/"
