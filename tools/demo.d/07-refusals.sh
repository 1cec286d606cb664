# shellcheck shell=bash
# Everything that must be refused, each with the message that a user gets.

programs="$out/host/opt/bin"
attempt=(env "EDG_MARBLE_COORDINATOR_ADDR=localhost:$mesh_port" strongroom-simtee run)
here=(--launch modelserver.launch.json --mount /models=models)

title "Refused: code that is not what the manifest names"
named=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["UniqueID"])' "$out/owner/modelserver.identity.json")
another="activation refused.*evidence refused: MRENCLAVE [0-9a-f]{64}, wanted $named"
changed() { "$python" "$repository/tools/demo.d/flip.py" "$1"; }  # one byte, the second call mends it
changed "$programs/strongroom-modelserver"
refuse host "a model server with one changed byte" "$another" "${attempt[@]}" "${here[@]}" --unsigned
changed "$programs/strongroom-modelserver"
changed "$openvino_libs/libopenvino_intel_cpu_plugin.so"
refuse host "an inference plugin with one changed byte" "$another" "${attempt[@]}" "${here[@]}" --unsigned
changed "$openvino_libs/libopenvino_intel_cpu_plugin.so"
sed 's/"marble": "modelserver"/"marble": "modelserver" /' "$out/host/agent.json" >"$out/host/agent.changed.json"
sed 's/"agent.json"/"agent.changed.json"/' "$out/host/modelserver.launch.json" >"$out/host/changed.launch.json"
refuse host "a configuration file with one more space" "$another" \
  "${attempt[@]}" --launch changed.launch.json --mount /models=models
refuse host "one more word of argv" "$another" "${attempt[@]}" "${here[@]}" --unsigned -- \
  "$programs/strongroom-agent" run --config /etc/strongroom/agent.json --log-level=debug
refuse host "a library injected by LD_PRELOAD" 'LD_PRELOAD' \
  env LD_PRELOAD=libm.so.6 strongroom-simtee run "${here[@]}"
sed 's/"env": {}/"env": {"LD_PRELOAD": "libm.so.6"}/' "$out/host/modelserver.launch.json" >"$out/host/preload.launch.json"
refuse host "LD_PRELOAD in the description" 'LD_PRELOAD' \
  "${attempt[@]}" --launch preload.launch.json --mount /models=models

title "Refused: the right code where it must not run"
refuse host "a platform whose TCB is out of date" 'TCB is OutOfDate' "${attempt[@]}" "${here[@]}" --platform out-of-date
refuse host "a debug enclave" 'wanted a production enclave' "${attempt[@]}" "${here[@]}" --debug

title "Refused: a genuine coordinator with a foreign manifest asks the owner for his key, and starts his model server"
foreign_mesh=$(free_port 2101) foreign_client=$(free_port 4533)
mkdir -p "$out/host/foreign-state"
start host foreign env "EDG_COORDINATOR_MESH_ADDR=127.0.0.1:$foreign_mesh" \
  "EDG_COORDINATOR_CLIENT_ADDR=127.0.0.1:$foreign_client" "STRONGROOM_PCCS_URL=$pccs_url" \
  strongroom-simtee run --launch coordinator.launch.json --mount-writable /state=foreign-state
foreign_pid=$started_pid
wait_for host foreign "$foreign_pid" ' info ready '
as owner "$python" "$repository/tools/demo.d/manifest.py" "${manifest_flags[@]}" --foreign --out ../client/foreign.json
cp "$out/owner/coordinator.identity.json" "$out/client/"
as client strongroom manifest set foreign.json "localhost:$foreign_client" "${verify_flags[@]}"
refuse owner "the owner's verification of the foreign manifest" 'wanted' \
  strongroom verify "localhost:$foreign_client" --manifest manifest.json "${verify_flags[@]}"
refuse owner "the owner's key for a foreign manifest" 'holds the manifest' \
  strongroom secret set digits.key "localhost:$foreign_client" --from-file digits_key -c owner.crt -k owner.key \
  --manifest manifest.json "${verify_flags[@]}"
refuse host "a model server that shall serve under the foreign manifest" 'coordinator not trusted.*wanted' \
  env "EDG_MARBLE_COORDINATOR_ADDR=localhost:$foreign_mesh" strongroom-simtee run "${here[@]}"
stop "$foreign_pid"

title "Refused: people without the right, and servers that are not the one that was meant"
refuse client "a server of which only the root is known" 'say which one is meant' \
  strongroom infer "localhost:$serving_port" --root root.crt -c alice.crt -k alice.key -m digits -i heldout/images.npy
refuse client "a server that is another marble" 'wanted "other"' \
  strongroom infer "localhost:$serving_port" --root root.crt --marble other -c alice.crt -k alice.key -m digits \
  -i heldout/images.npy
refuse client "a client without a certificate" 'wants a client certificate' \
  strongroom infer "localhost:$serving_port" --root root.crt --marble modelserver -m digits -i heldout/images.npy
refuse client "a client with a certificate, without the role" PERMISSION_DENIED \
  strongroom infer "localhost:$serving_port" --root root.crt --marble modelserver -c mallory.crt -k mallory.key -m digits -i heldout/images.npy
refuse client "the same over REST" 'may ask' \
  strongroom infer "localhost:$serving_port" --root root.crt --marble modelserver -c mallory.crt -k mallory.key -m digits \
  -i heldout/images.npy --api rest
as client strongroom verify "$coordinator" --manifest manifest.json "${verify_flags[@]}"
refuse client "a user without the role reading the key" 'no role that allows' \
  strongroom secret get digits_key "$coordinator" -c mallory.crt -k mallory.key
as client strongroom user create eve
refuse client "a stranger reading the key" 'none of the manifest' \
  strongroom secret get digits_key "$coordinator" -c eve.crt -k eve.key

title "Refused: files that are not what the owner encrypted"
hostile_models() { rm -rf "$out/host/hostile"; cp -r "$out/host/models" "$out/host/hostile"; }
hostile=(--launch modelserver.launch.json --mount /models=hostile)
hostile_models
"$python" "$repository/tools/demo.d/flip.py" "$out/host/hostile/$shelf/large/1/model.bin" 50000000
refuse host "a tampered model file" tampered-node "${attempt[@]}" "${hostile[@]}"
refuse owner "a wrong key" 'the key is not the one' \
  strongroom decrypt --key large.key "../host/models/$shelf/digits" stolen
hostile_models
mv "$out/host/hostile/$shelf/digits" "$out/host/hostile/$shelf/x"
mv "$out/host/hostile/$shelf/large" "$out/host/hostile/$shelf/digits"
mv "$out/host/hostile/$shelf/x" "$out/host/hostile/$shelf/large"
refuse host "swapped models" 'the key is not the one' "${attempt[@]}" "${hostile[@]}"
hostile_models
mv "$out/host/hostile/$shelf/large/1/model.bin" "$out/host/hostile/x"
mv "$out/host/hostile/$shelf/large/1/model.xml" "$out/host/hostile/$shelf/large/1/model.bin"
mv "$out/host/hostile/x" "$out/host/hostile/$shelf/large/1/model.xml"
refuse host "swapped files under one key" "zoo/$shelf/large/1/model.(bin|xml).*zoo/$shelf/large/1/model.(xml|bin).*pfs.wrong-path" \
  "${attempt[@]}" "${hostile[@]}"
hostile_models
as owner "$python" "$repository/examples/digits/train.py" old --seed $((seed + 1))
mkdir -p "$out/owner/old-version/1"
mv "$out"/owner/old/model.{xml,bin} "$out/owner/old-version/1/"
rm -rf "$out/host/hostile/$shelf/digits"
as owner strongroom encrypt --key digits.key --as digits old-version "../host/hostile/$shelf/digits"
refuse host "an old version of the model, under the right key and name" 'another state of it than the owner names' \
  "${attempt[@]}" "${hostile[@]}"

title "Refused: a recorded activation, played again"
note "the recorder attests, gets its nonce, its certificate and its secret; every message that it sent is written down"
mkdir -p "$out/host/recording"
as host "${attempt[@]}" --launch recorder.launch.json --mount-writable /recording=recording
judge_refusal "the same activation again on its own connection" 'own connection: .*nonce' 1 "$out/.last"
refuse host "the whole recording over a fresh connection" 'as it was recorded: UNAUTHENTICATED: .*nonce' \
  "$python" "$repository/examples/replay/replay.py" "localhost:$mesh_port" "$repository/proto" recording/messages.txt
judge_refusal "the activation with a nonce of another connection" 'of another connection: UNAUTHENTICATED: .*nonce' 1 "$out/.last"
judge_refusal "the activation with a nonce of its own connection" \
  'of its own connection: UNAUTHENTICATED: evidence refused: report data' 1 "$out/.last"
as client "${ask[@]}" -m digits -i heldout/images.npy -o afterwards.npy
as client "$python" "$repository/tools/demo.d/compare.py" heldout afterwards.npy
ok "and the honest client still gets his answers"
