# shellcheck shell=bash
# On the host: a simulated platform, and the coordinator in an enclave on it.

title "The host starts a simulated TEE, its collateral service and the coordinator"
export STRONGROOM_SIMTEE_STATE="$out/host/simtee"
pccs_port=$(free_port 8081) mesh_port=$(free_port 2001) client_port=$(free_port 4433) serving_port=$(free_port 8500)
pccs_url="http://127.0.0.1:$pccs_port"
coordinator="localhost:$client_port"

note "the host has its own copy of the programs, to do with as it likes"
mkdir -p "$out/host/opt/bin" "$out/host/opt/lib"
cp "$STRONGROOM_BIN"/strongroom-{coordinator,agent,modelserver} "${STRONGROOM_BIN%/bin}/examples/activation-recorder" \
  "$out/host/opt/bin/"
cp -r "${STRONGROOM_BIN%/bin}/lib/strongroom" "$out/host/opt/lib/"
openvino_libs="$out/host/opt/lib/strongroom"
as owner strongroom-simtee keygen --out signer.pem
note "the owner signs what may run; the host gets the descriptions and the signatures"
"$python" "$repository/tools/demo.d/launch.py" "$out/host" "$out/host/opt/bin" coordinator
"$python" "$repository/tools/demo.d/launch.py" "$out/host" "$out/host/opt/bin" recorder
as owner strongroom-simtee sign --key signer.pem ../host/coordinator.launch.json
as owner strongroom-simtee measure --launch ../host/coordinator.launch.json --json
cp "$out/.last" "$out/owner/coordinator.identity.json"
trust_anchor=$(cd "$out/host" && strongroom-simtee root)
note "the TEST root's key has SHA-256 $trust_anchor"

start host pccs strongroom-simtee pccs --listen "127.0.0.1:$pccs_port"
wait_for host pccs "$started_pid" listening
start_coordinator() {
  mkdir -p "$out/host/state"
  start host coordinator env \
    "EDG_COORDINATOR_MESH_ADDR=127.0.0.1:$mesh_port" "EDG_COORDINATOR_CLIENT_ADDR=127.0.0.1:$client_port" \
    "STRONGROOM_PCCS_URL=$pccs_url" \
    strongroom-simtee run --launch coordinator.launch.json --mount-writable /state=state
  coordinator_pid=$started_pid
  wait_for host coordinator "$coordinator_pid" ' info ready '
}
start_coordinator
ok "the coordinator runs, measured, and waits for a manifest"
