# shellcheck shell=bash
# The cluster's certificates, made once and valid for ten years, and kubeconfigs from them.

make_certificates() {
  local component api=DNS:kubernetes
  [[ ! -e $pki/done ]] || return 0
  mkdir -p "$pki"
  chmod 700 "$pki"
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=strongroom-lab -keyout "$pki/ca.key" -out "$pki/ca.crt" 2>/dev/null
  openssl genrsa -out "$pki/serviceaccount.key" 2048 2>/dev/null
  openssl rsa -in "$pki/serviceaccount.key" -pubout -out "$pki/serviceaccount.pub" 2>/dev/null
  api+=",DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.$cluster_domain,DNS:localhost"
  make_certificate apiserver /CN=kube-apiserver "$api,IP:127.0.0.1,IP:$api_service_ip,IP:$node_ip"
  make_certificate admin /O=system:masters/CN=strongroom-lab-admin
  make_certificate front-proxy /CN=front-proxy
  make_certificate node "/O=system:nodes/CN=system:node:$node_name" "DNS:$node_name,IP:$node_ip"
  for component in kube-controller-manager kube-scheduler kube-proxy; do
    make_certificate "$component" "/CN=system:$component"
  done
  touch "$pki/done"
}

# make_certificate NAME SUBJECT [SUBJECT-ALTERNATIVE-NAMES]
make_certificate() {
  local file=$pki/$1
  openssl req -newkey rsa:2048 -nodes -keyout "$file.key" -out "$file.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$file.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial -days 3650 -out "$file.crt" \
    -extfile <(printf 'extendedKeyUsage=clientAuth,serverAuth\n%s\n' "${3:+subjectAltName=$3}") 2>/dev/null
}

# A kubeconfig for the holder of certificate CERTIFICATE. make_kubeconfig CERTIFICATE FILE
make_kubeconfig() {
  (
    umask 077
    cat >"$2" <<YAML
apiVersion: v1
kind: Config
current-context: strongroom-lab
clusters:
  - name: strongroom-lab
    cluster:
      server: https://127.0.0.1:$api_port
      certificate-authority-data: $(base64 -w0 "$pki/ca.crt")
users:
  - name: $1
    user:
      client-certificate-data: $(base64 -w0 "$pki/$1.crt")
      client-key-data: $(base64 -w0 "$pki/$1.key")
contexts:
  - name: strongroom-lab
    context: {cluster: strongroom-lab, user: $1}
YAML
  )
}
