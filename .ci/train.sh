# Trains the AOT caches: each program runs shortly with RETAIN_AOT_TRAIN set, and its JVM writes what
# it loaded and linked at its exit. Sourced by ./build. A cache that could not be made costs start-up
# time and nothing else, so a failed training is told and passed over.

# trained NAME COMMAND...: runs COMMAND with the cache of NAME as output.
trained() {
  local name=$1
  shift
  mkdir -p "$DIST/lib/aot"
  rm -f "$STATE/$name.aot"
  if RETAIN_AOT_TRAIN="$STATE/$name.aot" timeout 120 "$@" </dev/null >"$STATE/train-$name.log" 2>&1 \
    && [ -s "$STATE/$name.aot" ]; then
    mv -f "$STATE/$name.aot" "$DIST/lib/aot/$name.aot"
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

train_daemon() { trained daemon "$DIST/bin/retainerd" --version; }
train_ctl() { trained ctl "$DIST/bin/retainctl" --help; }
train_rewind() { trained rewind "$DIST/bin/rewind" --help; }
train_bench() { trained bench "$DIST/bin/retain-bench" --help; }

train_all() {
  local program name module aot main due
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
}
