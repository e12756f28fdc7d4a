package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.history.v1.HistoryStatus;
import dev.retainerd.wire.history.v1.HistoryStatusRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A node's history over its years, as its operator sees it: snapshots of the state, an archive, a
 * beginning that goes; and a container that runs through all of it.
 */
@Tag("real")
class HistoryIsKeptTest {
  private Node node;

  @AfterEach
  void close() {
    node.close();
  }

  private void configure(String settings) throws Exception {
    Files.writeString(node.config(), "\n[retain]\n" + settings, StandardOpenOption.APPEND);
  }

  private HistoryStatus status() {
    return node.history().status(HistoryStatusRequest.getDefaultInstance());
  }

  private void deleteStore() throws Exception {
    try (Stream<Path> tree = Files.walk(node.root().resolve("store"))) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  @Test
  void archivedByHandItIsStillReadVerifiedAndFolded() throws Exception {
    node = Node.started();
    node.importImage("k8s.io");
    Untouched container = Untouched.start(new Pods(node));
    for (int i = 0; i < 2; i++) {
      node.stopDaemon();
      node.start();
    }
    String taken = node.retainctl("log", "snapshot").expectSuccess();
    assertTrue(taken.contains("/log/snapshots/state-"), taken);
    String archived = node.retainctl("log", "archive", "--all").expectSuccess();
    assertTrue(archived.contains("generation 1, events 1 to "), archived);
    HistoryStatus status = status();
    assertEquals(1, status.getFirstSequence());
    assertEquals(2, status.getArchivedGenerations());
    assertTrue(status.getArchivedBytes() > 0 && status.getSnapshotsCount() == 1);
    String said = node.retainctl("log", "status").expectSuccess();
    assertTrue(said.contains("archived     2, "), said);
    assertTrue(said.contains("durability   power-loss"), said);
    String first = node.retainctl("events", "--from", "1").expectSuccess();
    assertTrue(first.contains("      1  "), first);
    node.killDaemon();
    deleteStore();
    String verified = node.rewind("verify", node.root().toString()).expectSuccess();
    assertFalse(verified.isEmpty());
    node.start();
    container.expectKnown();
    node.stopDaemon();
    String compared =
        node.rewind(
                "verify",
                node.root().toString(),
                "--store",
                node.root().resolve("store").toString())
            .expectSuccess();
    assertTrue(compared.contains("the same as the events make"), compared);
    node.start();
    container.expectOwnExit();
  }

  @Test
  void whatTheConfigurationLetsGoGoesWhenAskedAndTheRestIsWhole() throws Exception {
    node = Node.prepared();
    configure("log_retention_events = 1\nlog_retention_action = \"delete\"\n");
    node.start();
    node.importImage("k8s.io");
    Untouched container = Untouched.start(new Pods(node));
    node.stopDaemon();
    node.start();
    String waits = node.retainctl("log", "archive").expectSuccess();
    assertTrue(waits.contains("generation 1 waits for two snapshots of the state"), waits);
    node.retainctl("log", "snapshot").expectSuccess();
    node.retainctl("log", "snapshot").expectSuccess();
    String removed = node.retainctl("log", "archive").expectSuccess();
    assertTrue(removed.contains("was removed"), removed);
    expectWholeWithoutItsBeginning(container);
  }

  @Test
  @Tag("soak")
  void whatTheConfigurationLetsGoGoesByItselfAndTheRestIsWhole() throws Exception {
    node = Node.prepared();
    configure("log_retention_events = 1\nlog_retention_action = \"delete\"\n");
    node.start();
    node.importImage("k8s.io");
    Untouched container = Untouched.start(new Pods(node));
    // Each start ends a generation, and takes the snapshot that the next one may need.
    for (int i = 0; i < 4; i++) {
      long before = status().getSnapshotsCount();
      Eventually.holds(
          "a snapshot after the start", java.time.Duration.ofSeconds(30), () -> looked());
      assertTrue(status().getSnapshotsCount() >= Math.min(before, 1));
      node.stopDaemon();
      node.start();
    }
    Eventually.holds(
        "a beginning that is gone",
        java.time.Duration.ofSeconds(30),
        () -> status().getFirstSequence() > 1);
    expectWholeWithoutItsBeginning(container);
  }

  private void expectWholeWithoutItsBeginning(Untouched container) throws Exception {
    long first = status().getFirstSequence();
    Host.Output refused = node.retainctl("events", "--from", "1");
    assertTrue(
        (refused.toString()).contains("the log begins at event " + first), refused::toString);
    String removed = String.join("\n", new History(node).sentences(first, "GenerationRemoved"));
    assertTrue(removed.contains("log_retention_events is 1"), removed);
    node.killDaemon();
    deleteStore();
    node.rewind("verify", node.root().toString()).expectSuccess();
    String state = node.rewind("state", node.root().toString()).expectSuccess();
    assertTrue(state.contains(container.id().substring(0, 12)), state);
    node.start();
    container.expectKnown();
    container.expectOwnExit();
  }

  private boolean looked() {
    return status().getRetentionLookedNanos() > 0;
  }
}
