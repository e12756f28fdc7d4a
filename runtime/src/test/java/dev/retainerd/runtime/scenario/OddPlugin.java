package dev.retainerd.runtime.scenario;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * A CNI plugin at the head of the node's chain that hangs, prints garbage or fails when it is told
 * to, and otherwise hands on what it got. Told by files, so that it is the same after a restart.
 */
final class OddPlugin {
  private final Path folder;

  private OddPlugin(Path folder) {
    this.folder = folder;
  }

  /** Puts it beside the real plugins of a node that is not started yet. */
  static OddPlugin install(Node node) {
    try {
      Path folder = Files.createDirectories(node.folder().resolve("odd"));
      Path bin = Files.createDirectories(node.folder().resolve("cni-bin"));
      Path script = bin.resolve("odd");
      Files.writeString(
          script,
          """
          #!/bin/sh
          if [ "$CNI_COMMAND" = VERSION ]; then
            echo '{"cniVersion":"0.4.0","supportedVersions":["0.3.1","0.4.0"]}'; exit 0
          fi
          here=%1$s
          if [ -e $here/hang ]; then
            touch $here/hanging
            while [ -e $here/hang ]; do sleep 0.05; done
            rm -f $here/hanging
          fi
          if [ -e $here/garbage-$CNI_COMMAND ]; then echo 'not { json'; exit 0; fi
          if [ -e $here/fail-$CNI_COMMAND ]; then
            echo '{"cniVersion":"0.4.0","code":11,"msg":"the switch is on fire"}'; exit 1
          fi
          [ "$CNI_COMMAND" = ADD ] || exit 0
          sed -n 's/.*"prevResult":\\({.*}\\).*/\\1/p' | head -1 | grep . \\
            || echo '{"cniVersion":"0.4.0","ips":[]}'
          """
              .formatted(folder));
      Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
      Files.writeString(
          node.config(),
          Files.readString(node.config())
              .replaceFirst("bin_dir = \"(.*)\"", "bin_dirs = [\"$1\", \"" + bin + "\"]"));
      Path network = node.folder().resolve("net.d/10-scenario.conflist");
      Files.writeString(
          network,
          Files.readString(network)
              .replaceFirst("\"plugins\": \\[", "\"plugins\": [{\"type\": \"odd\"}, "));
      return new OddPlugin(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void hang() {
    tell("hang");
  }

  boolean isHanging() {
    return Files.exists(folder.resolve("hanging"));
  }

  /** It goes on, and does nothing odd any more. */
  void release() {
    for (String word : new String[] {"hang", "garbage-ADD", "fail-ADD", "fail-DEL"}) {
      try {
        Files.deleteIfExists(folder.resolve(word));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  void printGarbage(String verb) {
    tell("garbage-" + verb);
  }

  void fail(String verb) {
    tell("fail-" + verb);
  }

  private void tell(String word) {
    try {
      Files.writeString(folder.resolve(word), "");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
