# shellcheck shell=bash disable=SC2034  # read by the other parts
# Versions, places and addresses of the lab.

kubernetes_version=1.36.4
containerd_version=2.2.9   # Debian 12's 1.6 has no image volumes and no user namespaces
coredns_version=1.14.7
helm3_version=3.22.0
helm4_version=4.3.1
# etcd, runc and the CNI plugins are Debian's: unpacked into the cache, not installed, as etcd's package starts a daemon.
# BusyBox is for the tests: a shell in a pod.
debian_packages=(etcd-server runc containernetworking-plugins busybox)

cache=${STRONGROOM_LAB_CACHE:-${HOME:-/root}/.cache/strongroom-lab}/$kubernetes_version
bin=$cache/bin             # programs that were built
debian=$cache/debian       # Debian packages, unpacked
pki=$cache/certificates    # the cluster's own, made once

lab_name=${STRONGROOM_LAB_NAME:-lab}      # several labs at once: each its own name and port
api_port=${STRONGROOM_LAB_PORT:-16443}    # of the API server: the same on the node and on the machine's loopback
state=${STRONGROOM_LAB_STATE:-$cache/run-$lab_name}
data=$state/data           # what survives `stop`: etcd, images, the kubelet's folder, volumes
run=$state/run             # what does not: kubeconfigs, configuration, sockets, pids, logs
logs=$run/logs

node_name=knode
node_ip=192.168.199.1
pod_cidr=10.88.0.0/16
service_cidr=10.96.0.0/16
api_service_ip=10.96.0.1
dns_service_ip=10.96.0.10
cluster_domain=cluster.local
sandbox_image=localhost/strongroom-lab-sandbox:1

PATH=$debian/usr/bin:$debian/usr/sbin:$bin:$PATH:/usr/sbin:/sbin
