# shellcheck shell=bash
# On the host: an enclave with agent and model server gets the keys and serves.

title "The host starts the model server in an enclave; the agent attests and fetches the keys"
# start_modelserver NAME LAUNCH [simtee flags…]: leaves the pid in $started_pid
start_modelserver() {
  local name=$1 launch=$2
  shift 2
  start host "$name" env "EDG_MARBLE_COORDINATOR_ADDR=localhost:$mesh_port" \
    strongroom-simtee run --launch "$launch" "$@"
}
start_modelserver modelserver modelserver.launch.json --mount /models=models
modelserver_pid=$started_pid
wait_for host modelserver "$modelserver_pid" ' info serving '
sed 's/^/   /' "$out/host/modelserver.log" | tail -4 | cut -c1-200
ok "attested, keys received, models decrypted in memory, serving on port $serving_port"
