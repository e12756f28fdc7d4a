package dev.retainerd.runtime.scenario;

import java.io.IOException;
import java.nio.file.Path;

/**
 * CRIU does not know every kernel, so a script stands in the place of the OCI runtime: it writes
 * images and begins anew from them, and hands everything else on to runc. Its folder tells of it,
 * and rules it:
 *
 * <ul>
 *   <li>{@code asked}: the checkpoints that it was asked for
 *   <li>{@code seen}: what runc lists while it makes one
 *   <li>{@code restored}: the images that it has restored
 *   <li>{@code fail}: has it fail; where a container's id stands in it, for that one only
 *   <li>{@code hold}: has it wait, once it has made {@code held}
 * </ul>
 */
final class PretendCriu {
  /** The runtime handler that it is configured as. */
  static final String HANDLER = "images";

  private static final String SCRIPT =
      """
      #!/bin/bash
      id=; for id; do :; done
      for one; do
        case "$last" in --image-path) image=$one;; --work-path) logs=$one;; --log) log=$one;; esac
        [ "$one" != --leave-running ] || stays=yes
        last=$one
      done
      case " $* " in
        *' checkpoint '*)
          echo "$*" >>"%1$s/asked"
          runc "$1" "$2" list >>"%1$s/seen"
          if [ -e "%1$s/fail" ] && { [ ! -s "%1$s/fail" ] || grep -q "$id" "%1$s/fail"; }; then
            echo '(00.02) Error (criu/files.c:7): no hat for fd 3' >"$logs/dump.log"
            echo '{"level":"error","msg":"criu failed: type DUMP errno 22\\nlog file: x"}' >"$log"
            exit 1
          fi
          # As CRIU does, it writes into the folder that it has opened, even if that is removed.
          mkdir -p "$image" && cd "$image" || exit
          [ ! -e "%1$s/hold" ] || { touch "%1$s/held"; while [ -e "%1$s/hold" ]; do sleep 0.05; done; }
          echo "memory of $id" >pages-1.img || exit
          [ -n "$stays" ] || runc "$1" "$2" kill "$id" KILL
          exit 0;;
        *' restore '*)
          cat "$image/pages-1.img" >>"%1$s/restored" || {
            echo '{"level":"error","msg":"criu failed: type RESTORE errno 2"}' >"$log"
            exit 1; }
          set -- $(echo "$*" | sed 's/ restore --detach / create /; s/ --image-path [^ ]*//')
          runc "$@" || exit
          exec runc "$1" "$2" start "$id";;
      esac
      exec runc "$@"
      """;

  private PretendCriu() {}

  /**
   * Makes the script in that folder, and a runtime handler of it.
   *
   * @param node one that is not started yet
   * @return the script
   */
  static Path install(Node node, Path folder) throws IOException {
    Path script = Node.script(folder, "runc-images", SCRIPT.formatted(folder));
    node.runWith(HANDLER, script);
    return script;
  }
}
