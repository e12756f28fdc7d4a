# Trains the AOT caches: each program runs shortly with RETAIN_AOT_TRAIN set, and its JVM writes what
# it loaded and linked at its exit. Sourced by ./build. A cache that could not be made costs start-up
# time and nothing else, so a failed training is told and passed over.

# trained NAME COMMAND...: runs COMMAND with the cache of NAME as output.
trained() {
  local name=$1
  shift
  mkdir -p "$DIST/lib/aot"
  rm -f "$STATE/$name.aot"
  if RETAIN_AOT_TRAIN="$STATE/$name.aot" "$@" </dev/null >"$STATE/train-$name.log" 2>&1 \
    && [ -s "$STATE/$name.aot" ]; then
    mv -f "$STATE/$name.aot" "$DIST/lib/aot/$name.aot"
    out_of_cache "$DIST/lib/aot/$name.aot"
  else
    say "no AOT cache for $name: $(tail -1 "$STATE/train-$name.log") (dist/.build/train-$name.log)"
    rm -f "$DIST/lib/aot/$name.aot" "$STATE/$name.aot"*
  fi
}

# inputs LAUNCHER: what its cache depends on.
train_inputs() {
  {
    cat "$DIST/bin/$1" .ci/train.sh
    ls -l --time-style=full-iso "$DIST"/lib/*.jar "$DIST"/lib/shim/*.jar "$DIST/runtime/lib/modules"
    id -u
  } | digest
}

# A program whose run ends by itself.
run_once() { timeout 120 "$@"; }

# The daemon is started on a folder of its own and asked what a node is asked: first what needs
# nothing, then, where the host has the tools, a container by ctr and a pod over CRI. What can't be
# had here is left out: a cache with less in it is still a cache.
run_daemon() { with_daemon exercise; }

# with_daemon COMMAND...: COMMAND is called with the folder of a running daemon as its last argument.
with_daemon() {
  local folder daemon code=0 trained=${RETAIN_AOT_TRAIN:-}
  folder=$(mktemp -d /tmp/retain-train-XXXXXX)
  training_config "$folder"
  if [ "$1" = exercise ]; then
    # What is trained is a daemon that comes back, to a log and a pod of one that was killed.
    unset RETAIN_AOT_TRAIN
    start_daemon "$folder"
    leave_behind "$folder" || say "the training goes without a pod from before"
    kill -9 "$daemon" 2>/dev/null
    wait "$daemon"
    rm -f "$folder/sock"
    export RETAIN_AOT_TRAIN=$trained
  else
    unset RETAIN_AOT_TRAIN
  fi
  start_daemon "$folder"
  unset RETAIN_AOT_TRAIN
  if [ -S "$folder/sock" ]; then TRAINED=$trained "$@" "$folder" || say "only a part of the training run worked"; fi
  kill "$daemon" 2>/dev/null
  wait "$daemon" || code=$?
  # A log to train rewind with.
  if [ -d "$folder/root/log" ]; then
    rm -rf "$STATE/training-log"
    cp -r --sparse=always "$folder/root/log" "$STATE/training-log"
  fi
  end_training "$folder"
  # 143: ended by SIGTERM, in an orderly way.
  [ "$code" = 0 ] || [ "$code" = 143 ]
}

# Sets daemon; returns when it answers, or is gone.
start_daemon() { # FOLDER
  "$DIST/bin/retainerd" --config "$1/config.toml" &
  daemon=$!
  for _ in $(seq 400); do
    [ ! -S "$1/sock" ] || break
    kill -0 "$daemon" 2>/dev/null || break
    sleep 0.05
  done
}

training_config() { # FOLDER
  local plugins=/usr/lib/cni
  [ ! -x /opt/cni/bin/bridge ] || plugins=/opt/cni/bin
  mkdir -p "$1/net.d"
  cat >"$1/config.toml" <<TOML
version = 2
root = "$1/root"
state = "$1/state"
[grpc]
  address = "$1/sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/retain/busybox:1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$plugins"
    conf_dir = "$1/net.d"
TOML
  cat >"$1/net.d/10-training.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "rt$$", "plugins": [
  {"type": "bridge", "bridge": "rt$$", "isGateway": true,
   "ipam": {"type": "host-local", "dataDir": "$1/ipam", "ranges": [[{"subnet": "10.127.$(($$ % 250)).0/24"}]]}}]}
JSON
}

ask() { timeout 60 "$DIST/bin/retain-bench" call --address "$socket" "$@"; }

# What this host needs for containers; the image is made with the first of them.
made_image() { # FOLDER
  local busybox
  command -v ctr >/dev/null && command -v runc >/dev/null && [ "$(id -u)" = 0 ] || return 1
  [ ! -s "$1/busybox.tar" ] || return 0
  busybox=$(static_busybox "$STATE/busybox") || return 1
  "$DIST/bin/retain-bench" image --busybox "$busybox" "$1/busybox.tar"
}

pod_config() { # FOLDER NAME
  say '{"metadata": {"name": "'"$2"'", "namespace": "default", "uid": "'"$2"'"},
    "logDirectory": "'"$1"'/logs", "linux": {"cgroupParent": "/retain-train-'$$'", "securityContext": {"namespaceOptions": {"pid": "CONTAINER"}}}}'
}

# Runs a pod with a container; prints the ids of both.
live_pod() { # FOLDER NAME
  local config pod container
  config=$(pod_config "$1" "$2")
  pod=$(ask RunPodSandbox '{"config": '"$config"'}' | sed -n 's/.*"podSandboxId": "\(.*\)".*/\1/p')
  [ -n "$pod" ] || return 1
  container=$(ask CreateContainer '{"podSandboxId": "'"$pod"'", "sandboxConfig": '"$config"',
    "config": {"metadata": {"name": "c"}, "image": {"image": "docker.io/retain/busybox:1"},
    "linux": {"securityContext": {"namespaceOptions": {"pid": "CONTAINER"}}},
    "command": ["/bin/sleep", "1000"], "logPath": "'"$2"'.log"}}' | sed -n 's/.*"containerId": "\(.*\)".*/\1/p')
  [ -n "$container" ] || return 1
  ask StartContainer '{"containerId": "'"$container"'"}' >&2
  say "$pod $container"
}

end_pod() { # POD CONTAINER
  ask StopContainer '{"containerId": "'"$2"'"}'
  ask RemoveContainer '{"containerId": "'"$2"'"}'
  ask StopPodSandbox '{"podSandboxId": "'"$1"'"}'
  ask RemovePodSandbox '{"podSandboxId": "'"$1"'"}'
}

leave_behind() { # FOLDER
  local socket=$1/sock
  ask Version || return 1
  made_image "$1" || return 0
  timeout 60 ctr --address "$socket" --namespace k8s.io images import "$1/busybox.tar" || return 1
  live_pod "$1" before >"$1/before"
}

exercise() { # FOLDER
  local socket=$1/sock pod container
  ask Version || return 1
  ask Status
  made_image "$1" || return 0
  timeout 60 ctr --address "$socket" version
  timeout 60 ctr --address "$socket" --namespace training images import "$1/busybox.tar" || return 1
  timeout 60 ctr --address "$socket" --namespace training run --rm docker.io/retain/busybox:1 training true || return 1
  timeout 60 ctr --address "$socket" --namespace k8s.io images import "$1/busybox.tar" || return 1
  pull_once "$1"
  if read -r pod container <"$1/before"; then end_pod "$pod" "$container"; fi
  live_pod "$1" training >"$1/live" || return 1
  read -r pod container <"$1/live"
  ask ContainerStatus '{"containerId": "'"$container"'"}'
  ask ExecSync '{"containerId": "'"$container"'", "cmd": ["/bin/true"]}'
  ask ListContainers
  ask ListPodSandbox
  ask ListImages
  end_pod "$pod" "$container"
}

# A node's first pull is what its first pod waits for. The image comes from a registry of our own, as
# no other may be here.
pull_once() { # FOLDER
  local server reference=
  mkfifo "$1/hold"
  "$DIST/bin/retain-bench" serve "$1/made-up" <"$1/hold" >"$1/reference" &
  server=$!
  exec 8>"$1/hold"
  for _ in $(seq 200); do
    reference=$(cat "$1/reference")
    [ -z "$reference" ] || break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  if [ -n "$reference" ]; then
    ask PullImage '{"image": {"image": "'"$reference"'"}}'
    ask RemoveImage '{"image": {"image": "'"$reference"'"}}'
  fi
  exec 8>&-
  wait "$server"
}

# Ends what a training run may have left, and removes its folder.
end_training() { # FOLDER
  local pid point
  sleep 0.3
  for pid in $(grep -lsaF -- "$1/" /proc/[0-9]*/cmdline | cut -d/ -f3); do
    [ "$pid" = "$$" ] || [ "$pid" = "$BASHPID" ] || kill -9 "$pid" 2>/dev/null
  done
  awk -v folder="$1/" 'index($5, folder) == 1 { print $5 }' /proc/self/mountinfo | sort -r \
    | while read -r point; do umount -l "$point"; done
  if [ "$(id -u)" = 0 ]; then
    ip link delete "rt$$" 2>/dev/null
    find /sys/fs/cgroup -depth -mindepth 1 -maxdepth 4 -path "*/retain-train-$$*" -type d -exec rmdir {} + 2>/dev/null
  fi
  rm -rf --one-file-system "$1"
}

# The shim trains itself: it serves in a folder of its own and goes once through a container's life.
train_shim() { trained shim run_once "$DIST/bin/containerd-shim-retain-v1" train; }

train_daemon() { trained daemon run_daemon; }
run_ctl() { # FOLDER
  RETAIN_AOT_TRAIN=$TRAINED run_once "$DIST/bin/retainctl" --address "$1/sock" --namespace k8s.io containers ls
}
run_rewind() {
  [ -d "$STATE/training-log" ] || { run_once "$DIST/bin/rewind" --help; return; }
  run_once "$DIST/bin/rewind" practise "$STATE/training-log"
}

train_ctl() {
  trained ctl with_daemon run_ctl
  [ -f "$DIST/lib/aot/ctl.aot" ] || trained ctl run_once "$DIST/bin/retainctl" --help
}
train_rewind() {
  trained rewind run_rewind
  [ -f "$DIST/lib/aot/rewind.aot" ] || trained rewind run_once "$DIST/bin/rewind" --help
}
train_bench() { trained bench run_once "$DIST/bin/retain-bench" call --help; }

train_all() {
  local program name module aot main due
  # A cache of other jars serves the classes that were in them, and one program trains another.
  for program in "${PROGRAMS[@]}"; do
    read -r name module aot main <<<"$program"
    due=$(train_inputs "$name")
    ! step_is_due "aot-$aot" "$due" || rm -f "$DIST/lib/aot/$aot.aot"
  done
  for program in "${PROGRAMS[@]}"; do
    read -r name module aot main <<<"$program"
    main_class_is_there "$module" "$main" || continue
    due=$(train_inputs "$name")
    if step_is_due "aot-$aot" "$due" || ! [ -f "$DIST/lib/aot/$aot.aot" ]; then
      say "training $name"
      "train_$aot"
      step_done "aot-$aot" "$due"
    fi
  done
  [ -x "$DIST/bin/containerd-shim-retain-v1" ] || return 0
  due=$(train_inputs containerd-shim-retain-v1)
  if step_is_due aot-shim "$due" || ! [ -f "$DIST/lib/aot/shim.aot" ]; then
    say "training the shim"
    train_shim
    step_done aot-shim "$due"
  fi
}
