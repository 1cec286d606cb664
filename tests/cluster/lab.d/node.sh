# shellcheck shell=bash
# The node from the inside: three stages, each an exec of the one before, then its components.

# Stage 1: in cgroups of its own; stays as the supervisor, and ends all below when it is ended.
_stage_cgroup() {
  enter_cgroups
  exec unshare --mount --pid --uts --ipc --cgroup --fork --kill-child -- bash "$lab_self" _stage_init
}

# Stage 2: PID 1, with the network still the machine's: offers the API server on the machine's loopback. A Unix socket
# crosses network namespaces, so this relay needs no link between them, and it ends with the PID namespace.
_stage_init() {
  local stat
  read -ra stat </proc/self/stat
  echo "${stat[0]} ${stat[21]}" >"$run/init"   # pid and start time as the machine sees them: proc is not mounted anew yet
  socat "TCP-LISTEN:$api_port,bind=127.0.0.1,reuseaddr,fork" "UNIX-CONNECT:$run/api.sock" >>"$logs/relay.log" 2>&1 </dev/null &
  exec unshare --net -- bash "$lab_self" _stage_node
}

# Stage 3: the node.
_stage_node() {
  mount_filesystems
  hostname "$node_name"
  make_network
  start_storage
  start_api_server
  start_node
  start_controllers
  settle
  touch "$run/ready"
  while :; do
    wait
    sleep 1
  done
}

# The machine's files stay visible at the same paths; what the node writes goes to the lab's own folders.
mount_filesystems() {
  local folder
  mount --make-rshared /   # mount propagation of volumes wants it
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  mount -t tmpfs tmpfs /run
  mkdir /run/proc
  mount -t proc proc /run/proc   # one unmasked: else the kernel refuses proc in user namespaces
  hide_machine_settings
  mount_cgroups
  for folder in lib log; do
    mkdir -p "$data/$folder" "$data/$folder.work"
    mount -t overlay -o "lowerdir=/var/$folder,upperdir=$data/$folder,workdir=$data/$folder.work" overlay "/var/$folder"
  done
  for folder in containerd kubelet strongroom-lab; do
    mkdir -p "$data/$folder" "/var/lib/$folder"
    mount --bind "$data/$folder" "/var/lib/$folder"
  done
  mkdir -p -m 777 /var/lib/strongroom-lab/volume-{1..16}   # for any user, as the kubelet changes no owner of such volumes
  [[ ! -e /etc/resolv.conf ]] || mount --bind "$run/node-resolv.conf" /etc/resolv.conf
}

# The kubelet would write settings of the whole machine: let it find them as it wants them.
hide_machine_settings() {
  local setting file shadow
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
                 kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    file=/proc/sys/${setting%=*}
    [[ -e $file && $(<"$file") != "${setting#*=}" ]] || continue
    shadow=/run/sysctl-$(tr / - <<<"${setting%=*}")
    echo "${setting#*=}" >"$shadow"
    mount --bind "$shadow" "$file"
  done
}

# The node's address on one end of a link to itself. No default route: unreachable addresses fail at once.
make_network() {
  ip link set lo up
  echo 1 >/proc/sys/net/ipv4/ip_forward
  ip link add name node0 type veth peer name node1
  ip link set node1 up
  ip link set node0 up
  ip addr add "$node_ip/24" dev node0
  ip route add "$service_cidr" dev node0
}

# Starts a component in the background, its output in the logs. start COMMAND ARG…
start() {
  "$@" >>"$logs/$1.log" 2>&1 </dev/null &
  echo "$1 $!" >>"$run/components"
}

start_storage() {
  start etcd --data-dir "$data/etcd" --unsafe-no-fsync \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379
  start containerd --config "$run/containerd.toml"
  start socat "UNIX-LISTEN:$run/api.sock,fork,mode=600" "TCP:127.0.0.1:$api_port"
  try 20 bash -c '</dev/tcp/127.0.0.1/2379'
  try 20 ctr version
  ctr -n k8s.io images import "$cache/sandbox.tar"
}

start_api_server() {
  local arguments=(
    --etcd-servers=http://127.0.0.1:2379
    --secure-port="$api_port" --advertise-address="$node_ip" --service-cluster-ip-range="$service_cidr" --allow-privileged
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt"
    --service-account-issuer="https://kubernetes.default.svc.$cluster_domain"
    --service-account-key-file="$pki/serviceaccount.pub" --service-account-signing-key-file="$pki/serviceaccount.key"
    --kubelet-preferred-address-types=InternalIP --kubelet-certificate-authority="$pki/ca.crt"
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key"
    --proxy-client-cert-file="$pki/front-proxy.crt" --proxy-client-key-file="$pki/front-proxy.key"
    --requestheader-client-ca-file="$pki/ca.crt" --requestheader-allowed-names=front-proxy
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group
    --requestheader-extra-headers-prefix=X-Remote-Extra-)
  start kube-apiserver "${arguments[@]}"
  try 60 admin get --raw /readyz
}

start_node() {
  start kubelet --config "$run/kubelet.yaml" --kubeconfig "$run/node.kubeconfig" --hostname-override="$node_name" --node-ip="$node_ip"
  start kube-proxy --config "$run/kube-proxy.yaml"
  start coredns -quiet -conf "$run/Corefile"
}

# The rates and periods are those of a node that is used for minutes, not months: with the defaults it takes 4 s longer.
start_controllers() {
  local swift=(--leader-elect=false --kube-api-qps=500 --kube-api-burst=1000)
  start kube-controller-manager --kubeconfig "$run/kube-controller-manager.kubeconfig" "${swift[@]}" --node-monitor-period=1s \
    --use-service-account-credentials --service-account-private-key-file="$pki/serviceaccount.key" --root-ca-file="$pki/ca.crt" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key"
  start kube-scheduler --kubeconfig "$run/kube-scheduler.kubeconfig" "${swift[@]}"
}

settle() {
  try 30 admin apply --server-side -f "$run/objects.yaml"
  try 60 admin wait --for=condition=Ready "node/$node_name" --timeout=1s
  try 30 node_untainted
  try 30 admin -n default get serviceaccount default
  try 30 services_programmed
}

node_untainted() { [[ -z $(admin get node "$node_name" -o 'jsonpath={.spec.taints}') ]]; }
services_programmed() { nft list map ip kube-proxy service-ips | grep -q "$dns_service_ip"; }
