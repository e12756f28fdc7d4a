package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.retainerd.runtime.engine.Failpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Case 20 for snapshots and images: the daemon is killed at each point where a snapshot's folder is
 * made, committed or removed. After a restart there are as many folders as snapshots, no mount, and
 * the same calls succeed.
 */
@Tag("real")
class SnapshotsLeakTest {
  private final Node node = Node.prepared();

  @AfterEach
  void close() {
    node.close();
  }

  static Stream<Failpoint> failpoints() {
    return Arrays.stream(Failpoint.values()).filter(point -> point.name().startsWith("SNAPSHOT_"));
  }

  @ParameterizedTest
  @MethodSource("failpoints")
  void killedAt(Failpoint point) throws IOException {
    node.start("-Dretainerd.failpoint=" + point);
    life();
    node.awaitDaemonEnd();
    assertEquals(137, node.exitCode(), node.logTail());
    node.start();
    assertEquals(snapshots().size(), folders().size(), "a folder for each snapshot");
    for (String key : snapshots()) {
      node.ctr("snapshots", "rm", key).expectSuccess();
    }
    life();
    assertEquals(List.of(), snapshots());
    assertEquals(List.of(), folders());
    assertEquals(List.of(), Host.mountsBelow(node.folder()));
    node.stopDaemon();
    node.expectNothingLeft();
  }

  /** Each call may be the one in which the daemon ends. */
  private void life() {
    for (String call :
        List.of("prepare active", "commit done active", "view seen done", "rm seen", "rm done")) {
      // A client waits long for a daemon that is not there.
      if (Host.runs(node.daemonPid())) {
        node.ctr(("snapshots " + call).split(" "));
      }
    }
  }

  private List<String> snapshots() {
    return node.ctr("snapshots", "ls")
        .expectSuccess()
        .lines()
        .skip(1)
        .map(line -> line.split(" ")[0])
        .sorted(java.util.Comparator.comparing(key -> key.equals("done")))
        .toList();
  }

  private List<Path> folders() throws IOException {
    try (Stream<Path> all = Files.list(node.root().resolve("snapshots/overlayfs"))) {
      return all.toList();
    }
  }
}
