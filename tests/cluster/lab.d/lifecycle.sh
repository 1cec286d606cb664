# shellcheck shell=bash
# The node from the outside: up, stop, down, and what is done with it between.

# The node's PID 1 as the machine numbers it, if it still is the process that was noted.
alive() {
  local pid born stat
  { read -r pid born <"$run/init" && read -ra stat <"/proc/$pid/stat"; } 2>/dev/null || return 1
  [[ ${stat[21]} == "$born" && ${stat[2]} != Z ]] && echo "$pid"
}

dead() { ! alive >/dev/null; }
is_up() { alive >/dev/null && [[ -e $run/ready ]]; }

lab_up() {
  local began=${EPOCHREALTIME/./} tenths
  locked "run-$lab_name"
  if is_up; then
    say "is up already"
    print_environment
    return
  fi
  end_node
  check_machine
  make_certificates
  make_folders
  configure
  setsid bash "$lab_self" _stage_cgroup >>"$logs/node.log" 2>&1 </dev/null 9>&- &
  try 10 test -s "$run/init" || { cat "$logs/node.log" >&2; die "the namespaces did not come up"; }
  until [[ -e $run/ready ]]; do
    sleep 0.1
    alive >/dev/null || { tail -qn 4 "$logs"/*.log >&2; die "did not come up; the logs are in $logs"; }
  done
  try 5 admin get --raw /readyz || die "the relay on 127.0.0.1:$api_port does not answer, see $logs/relay.log"
  tenths=$(((${EPOCHREALTIME/./} - began) / 100000))
  say "ready after $((tenths / 10)).$((tenths % 10)) s"
  print_environment
}

print_environment() {
  printf 'export KUBECONFIG=%q\nexport PATH=%q:"$PATH"\n' "$run/kubeconfig" "$bin"
  say "the API server is https://127.0.0.1:$api_port here and on the node; pods and Services are reached by: lab run -- COMMAND"
}

check_machine() {
  need unshare nsenter mount ip iptables nft conntrack socat openssl flock awk tar
  local part
  for part in debian sandbox containerd coredns core helm; do
    "have_$part" || die "$part is not built yet: $lab_self build"
  done
  grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || die "this kernel offers no overlayfs"
  [[ -n $(cgroup_hierarchies) ]] || die "no cgroup hierarchy below /sys/fs/cgroup"
  unshare --mount --net --pid --uts --ipc --cgroup --fork --kill-child -- \
    sh -c 'mount -t proc proc /proc && ip link add name x type veth && nft add table x' ||
    die "cannot make namespaces, veth links or nftables tables here (a container must be privileged)"
  ((${#run} < 96)) || die "the path $run is too long for a socket: set STRONGROOM_LAB_STATE to a shorter folder"
  ! (exec 3<>"/dev/tcp/127.0.0.1/$api_port") 2>/dev/null || die "port $api_port is taken: set STRONGROOM_LAB_PORT"
}

# On overlayfs the node's data are kept in memory, as containerd cannot stack one on another.
make_folders() {
  mkdir -p "$state" "$data" "$logs"
  chmod 700 "$state"
  touch "$state/strongroom-lab"
  if [[ $(stat -f -c %T "$data") == overlayfs || -n ${STRONGROOM_LAB_TMPFS:-} ]] && ! mountpoint -q "$data"; then
    mount -t tmpfs strongroom-lab "$data"
  fi
}

# Ends the node and removes all but its data.
end_node() {
  local pid
  if pid=$(alive); then
    kill -9 "$pid"
    try 20 dead
  fi
  if [[ -e $run/cgroups ]] && ! try 20 cgroups_cleared; then die "cgroups are left: $(tr '\n' ' ' <"$run/cgroups")"; fi
  rm -rf "$run"
}

lab_stop() {
  locked "run-$lab_name"
  end_node
  say "stopped; its data are in $data"
}

lab_down() {
  locked "run-$lab_name"
  end_node
  if [[ -e $state ]]; then
    [[ -e $state/strongroom-lab ]] || rmdir "$state" 2>/dev/null || die "$state is not a lab's folder"
    ! mountpoint -q "$data" || umount "$data"
    rm -rf --one-file-system "$state"
  fi
  say "down"
}

on_node() {
  local pid
  is_up || die "the node is not up"
  pid=$(alive)
  # shellcheck disable=SC2016  # for the shell on the node
  nsenter -t "$pid" --mount --net --pid --uts --ipc --cgroup -- \
    env CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS=1 "KUBECONFIG=$run/kubeconfig" "PATH=$PATH" \
    sh -c 'cd "$1" 2>/dev/null || cd /; shift; exec "$@"' sh "$PWD" "$@"
}

load_images() {
  local file
  for file; do
    [[ -r $file ]] || die "cannot read $file"
    on_node ctr -n k8s.io images import "$(readlink -f "$file")"
  done
}

lab_status() {
  local name pid memory sum=0
  if dead; then
    [[ ! -e $state ]] || say "a stopped node is in $state: \`up\` starts it again, \`down\` removes it"
    say "down"
    return 3
  fi
  print_environment
  admin get nodes -o wide || true
  while read -r name pid; do
    memory=$(on_node awk '/^VmRSS/ {print int($2 / 1024)}' "/proc/$pid/status" 2>/dev/null) || memory=
    sum=$((sum + ${memory:-0}))
    printf '%-24s %s\n' "$name" "${memory:-ended}${memory:+ MiB}"
  done <"$run/components"
  printf '%-24s %s MiB\n' total "$sum"
}
