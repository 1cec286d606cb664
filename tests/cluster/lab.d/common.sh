# shellcheck shell=bash
# Messages, waiting, locks.

say() { printf 'lab: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

need() {
  local tool missing=()
  for tool; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  ((${#missing[@]} == 0)) || die "missing commands: ${missing[*]}; tools/bootstrap cluster installs what Debian has of them"
}

# Repeats COMMAND until it succeeds; fails after SECONDS. try SECONDS COMMAND…
try() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || { say "gave up waiting for: $*"; return 1; }
    sleep 0.1
  done
}

# Holds the lock NAME until this script ends; what it starts for longer must close descriptor 9. locked NAME
locked() {
  mkdir -p "$cache"
  exec 9>"$cache/$1.lock"
  flock -w 300 9 || die "another lab command holds $cache/$1.lock"
}

admin() { kubectl --kubeconfig "$run/kubeconfig" "$@"; }
