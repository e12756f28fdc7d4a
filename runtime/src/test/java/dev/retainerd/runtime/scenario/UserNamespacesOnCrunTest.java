package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;

/** The same with crun as the OCI runtime. */
class UserNamespacesOnCrunTest extends UserNamespacesTest {
  private Path asked;

  /**
   * crun 1.8 refuses hosts with cgroups of both versions, so on such a host it sees version 1
   * alone, in a mount namespace of its own.
   */
  @Override
  String runtime(Node of) throws IOException {
    asked = of.folder().resolve("asked-of-crun");
    Path crun = of.folder().resolve("crun");
    Files.writeString(
        crun,
        """
        #!/bin/sh
        echo "$*" >> %s
        [ -d /sys/fs/cgroup/unified ] || exec crun "$@"
        exec unshare -m sh -c 'umount /sys/fs/cgroup/unified; exec crun "$@"' crun "$@"
        """
            .formatted(asked));
    assertTrue(crun.toFile().setExecutable(true));
    return """

        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
          runtime_type = "io.containerd.runc.v2"
          [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
            BinaryName = "%s"
        """
        .formatted(crun);
  }

  @AfterAll
  void crunHasDoneIt() throws IOException {
    List<String> calls = Files.readAllLines(asked);
    for (String verb : List.of(" create ", " start ", " exec ", " delete ")) {
      assertTrue(calls.stream().anyMatch(call -> call.contains(verb)), verb + " in " + calls);
    }
    assertEquals(0, calls.stream().filter(String::isBlank).count());
  }
}
