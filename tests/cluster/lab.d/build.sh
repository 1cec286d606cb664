# shellcheck shell=bash
# Every program from its Go module, each project in a module of our own, so that each gets the versions it names itself.
# A part is there when its programs say the wanted version; so an interrupted build is repeated and a new version is built.

core_programs=(kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl)

build_all() {
  local part log start
  locked build
  mkdir -p "$bin" "$cache/src"
  for part in debian sandbox containerd coredns core helm; do
    if "have_$part"; then continue; fi
    need cc tar
    say "building $part …"
    log=$cache/src/$part.log start=$SECONDS
    bash "$lab_self" _build_part "$part" >"$log" 2>&1 || { tail -5 "$log" >&2; die "building $part failed, see $log"; }
    "have_$part" || die "building $part did not give what was wanted, see $log"
    say "building $part took $((SECONDS - start)) s"
  done
  say "the programs are in $bin and $debian"
}

# In a process of its own, since a function called in a condition would not stop at its first error.
_build_part() {
  mkdir -p "$cache/src/$1"
  cd "$cache/src/$1"
  export GOFLAGS=-mod=mod CGO_ENABLED=0 GOWORK=off
  "build_$1"
}

go() { "${lab_self%/tests/cluster/lab}/tools/go" "$@"; }

# Whether the program PROGRAM is there and its output for ARG… has VERSION in it. says VERSION PROGRAM ARG…
says() {
  local version=$1 program=$2
  shift 2
  [[ -x $program && "$("$program" "$@" 2>/dev/null)" == *"$version"* ]]
}

# A fresh module in folder FOLDER that requires MODULE@VERSION. new_module FOLDER MODULE@VERSION
new_module() {
  mkdir -p "$1"
  cd "$1"
  rm -f go.mod go.sum
  go mod init lab.example/tool
  go get "$2"
}

# compile LDFLAGS PACKAGE…
compile() {
  local flags=$1
  shift
  go build -trimpath -ldflags "-s -w $flags" -o "$bin/" "$@"
}

have_debian() {
  [[ -x $debian/usr/bin/etcd && -x $debian/usr/sbin/runc && -x $debian/usr/lib/cni/ptp && -x $debian/bin/busybox ]]
}

build_debian() {
  local package
  rm -rf "$debian"
  mkdir -p "$debian"
  # The lists of packages may be old or cleaned away.
  apt-get download "${debian_packages[@]}" || { apt-get update && apt-get download "${debian_packages[@]}"; }
  for package in ./*.deb; do dpkg -x "$package" "$debian"; done
  rm ./*.deb
}

have_core() {
  local program
  for program in "${core_programs[@]}"; do
    [[ $program == kubectl ]] || says "v$kubernetes_version" "$bin/$program" --version || return 1
  done
  says "v$kubernetes_version" "$bin/kubectl" version --client
}

# k8s.io/kubernetes requires its staging modules at v0.0.0, which does not exist; each release publishes them as v0.X.Y.
build_core() {
  local project=k8s.io/kubernetes version=k8s.io/component-base/version go_mod module
  local minor=${kubernetes_version#1.}
  rm -f go.mod go.sum
  go mod init lab.example/core
  go_mod=$(go mod download -json "$project@v$kubernetes_version" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
  go mod edit -go="$(awk '$1 == "go" {print $2}' "$go_mod")"
  for module in $(sed -n 's/^[[:space:]]*\(k8s\.io\/[a-z-]*\) => .*staging.*/\1/p' "$go_mod"); do
    go mod edit -replace "$module=$module@v0.$minor"
  done
  for program in "${core_programs[@]}"; do go get -tool "$project/cmd/$program@v$kubernetes_version"; done
  compile "-X $version.gitVersion=v$kubernetes_version -X $version.gitMajor=1 -X $version.gitMinor=${minor%%.*}" \
    "${core_programs[@]/#/$project/cmd/}"
}

have_containerd() {
  says "$containerd_version" "$bin/containerd" --version &&
    says "$containerd_version" "$bin/containerd-shim-runc-v2" -v && says "$containerd_version" "$bin/ctr" --version
}

build_containerd() {
  local project=github.com/containerd/containerd/v2
  new_module . "$project@v$containerd_version"
  compile "-X $project/version.Version=$containerd_version" "$project"/cmd/{containerd,containerd-shim-runc-v2,ctr}
}

have_coredns() { says "$coredns_version" "$bin/coredns" -version; }

# With a few plugins only: all of them, with their cloud clients, take ten times as long.
build_coredns() {
  local project=github.com/coredns/coredns plugin
  new_module . "$project@v$coredns_version"
  {
    printf 'package main\n\nimport (\n\t"%s/coremain"\n' "$project"
    for plugin in bind cache errors hosts kubernetes log template; do printf '\t_ "%s/plugin/%s"\n' "$project" "$plugin"; done
    printf ')\n\nfunc main() { coremain.Run() }\n'
  } >main.go
  go build -trimpath -ldflags '-s -w' -o "$bin/coredns" .
}

have_helm() {
  says "v$helm3_version" "$bin/helm3" version --short && says "v$helm4_version" "$bin/helm4" version --short
}

build_helm() {
  build_one_helm 3 "$helm3_version"
  build_one_helm 4 "$helm4_version"
  ln -sf helm4 "$bin/helm"
}

# In a process of its own, as new_module changes the folder. build_one_helm MAJOR VERSION
build_one_helm() (
  project=helm.sh/helm/v$1
  new_module "$1" "$project@v$2"
  compile "-X $project/internal/version.version=v$2" "$project/cmd/helm"
  mv "$bin/helm" "$bin/helm$1"
)

have_sandbox() { [[ -e $cache/sandbox.tar ]] && cmp -s "$cache/src/sandbox/sandbox.c" "$lab_parts/sandbox.c"; }

build_sandbox() {
  mkdir -p root
  cp "$lab_parts/sandbox.c" .
  cc -Os -static -s -o root/sandbox sandbox.c
  make_image "$sandbox_image" "$cache/sandbox.tar" root /sandbox
}
