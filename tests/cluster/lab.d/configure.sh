# shellcheck shell=bash
# What the components read, made at every start from the templates in config/.

configure() {
  local component
  make_kubeconfig admin "$run/kubeconfig"
  for component in node kube-controller-manager kube-scheduler kube-proxy; do
    make_kubeconfig "$component" "$run/$component.kubeconfig"
  done
  mkdir -p "$run/cni"
  fill cni.conflist >"$run/cni/lab.conflist"
  for file in containerd.toml kubelet.yaml kube-proxy.yaml Corefile node-resolv.conf pod-resolv.conf; do
    fill "$file" >"$run/$file"
  done
  { fill objects.yaml; volumes; } >"$run/objects.yaml"
}

# The template NAME with every @setting@ replaced. fill NAME
fill() {
  local setting script=()
  for setting in api_port cluster_domain debian dns_service_ip node_ip node_name pki pod_cidr run sandbox_image; do
    script+=(-e "s|@$setting@|${!setting}|g")
  done
  sed "${script[@]}" "$lab_parts/config/$1"
}

# There is no provisioner on the node: a few volumes wait for claims.
volumes() {
  local number
  for number in {1..16}; do
    cat <<YAML
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: lab-$number}
spec:
  capacity: {storage: 10Gi}
  storageClassName: standard
  accessModes: [ReadWriteOnce, ReadWriteMany, ReadOnlyMany]
  hostPath: {path: /var/lib/strongroom-lab/volume-$number, type: DirectoryOrCreate}
YAML
  done
}
