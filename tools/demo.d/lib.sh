# shellcheck shell=bash
# What the demo's parts share: printing, checking, processes that end with it.

started=()   # pids of what runs in the background
refusals=0
steps=0
failures=()
began=$SECONDS

if [[ -t 1 ]]; then bold=$'\033[1m' dim=$'\033[2m' green=$'\033[32m' red=$'\033[31m' off=$'\033[0m'
else bold="" dim="" green="" red="" off=""; fi

prepare() {
  if [[ -z "${STRONGROOM_BIN:-}" ]]; then
    tools/bootstrap
    tools/build release
    STRONGROOM_BIN=$repository/build/release/bin
  fi
  export PATH="$STRONGROOM_BIN:$PATH"
  python=${STRONGROOM_PYTHON:-$repository/.venv/bin/python}
  if [[ -e "$out" && ! -e "$out/.strongroom-demo" ]]; then
    echo "tools/demo: $out exists and is not a demo's folder; give another with --out" >&2
    exit 2
  fi
  rm -rf "$out"
  mkdir -p "$out"/{owner,host,client}
  touch "$out/.strongroom-demo"
  umask 077
  cd "$out"
  out=$PWD
  trap end EXIT
  trap 'exit 130' INT TERM
}

end() {
  local status=$? pid
  trap - EXIT
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  exit "$status"
}

title() { printf '\n%s== %s%s\n' "$bold" "$*" "$off"; }
note() { printf '%s   %s%s\n' "$dim" "$*" "$off"; }
ok() { steps=$((steps + 1)); printf '%s   ok%s %s\n' "$green" "$off" "$*"; }
bad() { failures+=("$*"); printf '%s   FAILED%s %s\n' "$red" "$off" "$*"; }

# Prints a command as typed by PARTY and runs it in the party's folder; its output is indented. The demo ends if it fails.
# as PARTY COMMAND…
as() {
  local party=$1
  shift
  printf '%s%s$%s %s\n' "$bold" "$party" "$off" "$(shown "$@")"
  if ! (cd "$out/$party" && HOME="$out/$party" "$@") >"$out/.last" 2>&1; then
    sed 's/^/   /' "$out/.last"
    bad "$(shown "$@")"
    exit 1
  fi
  head -"${lines:-12}" "$out/.last" | sed 's/^/   /'
}

# The command as a person would type it: paths of this demo shortened, words with spaces quoted.
shown() {
  local word text=""
  for word in "$@"; do
    word=${word//"$out/"/../}
    if [[ "$word" =~ [\ \{\}\$] || -z "$word" ]]; then word="'$word'"; fi
    text+="${text:+ }$word"
  done
  printf '%s' "$text"
}

# Starts a long-running command of PARTY in the background, its output in PARTY/NAME.log. The pid is left in $started_pid.
# start PARTY NAME COMMAND…
start() {
  local party=$1 name=$2
  shift 2
  printf '%s%s$%s %s &\n' "$bold" "$party" "$off" "$(shown "$@")"
  (cd "$out/$party" && HOME="$out/$party" exec "$@") >"$out/$party/$name.log" 2>&1 &
  started_pid=$!
  started+=("$started_pid")
}

# Ends a process started by `start` and waits for it.
stop() {
  local pid=$1 signal=${2:-TERM}
  kill -"$signal" "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

# Waits until PARTY/NAME.log has a line that matches; fails when the process is gone or 60 s have passed.
# wait_for PARTY NAME PID REGEX
wait_for() {
  local log="$out/$1/$2.log" pid=$3 regex=$4 tries=0
  until grep -qE "$regex" "$log" 2>/dev/null; do
    if ! kill -0 "$pid" 2>/dev/null || ((++tries > 600)); then
      grep -qE "$regex" "$log" 2>/dev/null && return 0
      sed 's/^/   /' "$log" | tail -20
      bad "$2 did not say \"$regex\""
      exit 1
    fi
    sleep 0.1
  done
}

# A refusal that must happen: the command must fail, and its output must say why.
# refuse PARTY WHAT REGEX COMMAND…
refuse() {
  local party=$1 what=$2 regex=$3 status=0
  shift 3
  printf '%s%s$%s %s\n' "$bold" "$party" "$off" "$(shown "$@")"
  (cd "$out/$party" && HOME="$out/$party" timeout 60 "$@") >"$out/.last" 2>&1 || status=$?
  judge_refusal "$what" "$regex" "$status" "$out/.last"
}

# judge_refusal WHAT REGEX STATUS FILE
judge_refusal() {
  local what=$1 regex=$2 status=$3 file=$4 line
  line=$(grep -E "$regex" "$file" | tail -1 || true)
  if ((status == 0)); then
    bad "$what: was not refused"
  elif ((status == 124)) || [[ -z "$line" ]]; then
    tail -5 "$file" | sed 's/^/   /'
    bad "$what: refused without saying \"$regex\" (exit $status)"
  else
    refusals=$((refusals + 1))
    printf '   %s\n' "${line:0:240}"
    printf '%s   refused%s %s (exit %d)\n' "$green" "$off" "$what" "$status"
  fi
}

finish() {
  printf '\n%s== summary%s\n' "$bold" "$off"
  printf '   %d checks held, %d refusals came out as they must, %d s\n' "$steps" "$refusals" "$((SECONDS - began))"
  if ((${#failures[@]})); then
    printf '%s   %d failed:%s\n' "$red" "${#failures[@]}" "$off"
    printf '   - %s\n' "${failures[@]}"
    exit 1
  fi
  if ((keep)); then
    keep_running
    wait "$modelserver_pid"
  fi
}

# The first TCP port from $1 on that nobody listens on.
free_port() {
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    port=$((port + 1))
  done
  printf '%s' "$port"
}

# What the model server is to be started with, as a JSON array: the manifest says it, so the host cannot.
modelserver_argv() {
  printf '["strongroom-modelserver","--model_base_path=/models/%s","--address=127.0.0.1","--port=%s"]' \
    "$shelf" "$serving_port"
}

# Writes the launch description of agent and model server.
write_modelserver_launch() {
  "$python" "$repository/tools/demo.d/launch.py" "$out/host" "$out/host/opt/bin" modelserver \
    --identity "$out/owner/coordinator.identity.json" --trust-anchor "$trust_anchor" --root "$out/owner/root.crt" \
    --openvino "$openvino_libs" --argv "$(modelserver_argv)"
}

# What is left running with --keep, and how to talk to it.
keep_running() {
  cat <<TEXT

Everything is still running; Ctrl-C ends it. In another terminal:

  export PATH=$STRONGROOM_BIN:\$PATH HOME=$out/client; cd $out/client
  strongroom infer localhost:$serving_port --root root.crt --marble modelserver -c alice.crt -k alice.key -m digits -i heldout/images.npy
  strongroom status $coordinator
  curl --cacert root.crt --cert alice.crt --key alice.key https://localhost:$serving_port/v2/models/digits

Logs: $out/host/*.log
TEXT
}
