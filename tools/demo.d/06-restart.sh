# shellcheck shell=bash
# The coordinator is killed; those who have their keys go on, and it comes back with its state.

title "The coordinator is killed and comes back"
note "kill -9 of the coordinator's enclave"
stop "$coordinator_pid" KILL
as client "${ask[@]}" -m digits -i heldout/images.npy -o meanwhile.npy
as client "$python" "$repository/tools/demo.d/compare.py" heldout meanwhile.npy
ok "the model server goes on answering without it"
start_coordinator
as owner strongroom verify "$coordinator" --manifest manifest.json "${verify_flags[@]}"
ok "the same root, the same manifest: unsealed by the same code on the same platform"
