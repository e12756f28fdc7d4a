package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A folder that cannot hold this node's log: the daemon says why, and what to do, and is gone. */
@Tag("real")
class LogFolderRefusedTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private Node node;

  @BeforeEach
  void prepare() {
    node = Node.prepared();
  }

  @AfterEach
  void close() {
    node.close();
  }

  /** From now on the daemon sees root as that command left it; nobody else does. */
  private void mounted(String command) throws Exception {
    Files.createDirectories(node.root());
    node.startUnder(List.of("unshare", "--mount", "sh", "-c", command + " && exec \"$@\"", "sh"));
  }

  private void assertRefused(String... words) throws Exception {
    Process refused = node.launch();
    assertTrue(refused.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS), "it runs on");
    assertEquals(1, refused.exitValue(), node::logTail);
    String said = node.logTail();
    for (String word : words) {
      assertTrue(said.contains(word), () -> word + " is not in: " + said);
    }
    assertFalse(said.contains("\tat "), () -> "a stack trace: " + said);
  }

  @Test
  void aFolderThatIsMountedReadOnly() throws Exception {
    mounted(
        "mount --bind "
            + node.root()
            + " "
            + node.root()
            + " && mount -o remount,bind,ro "
            + node.root());
    assertRefused("retainerd: ", node.root().toString(), "ead-only");
  }

  @Test
  void aFolderInMemoryUnlessNothingElseWasPromised() throws Exception {
    mounted("mount -t tmpfs none " + node.root());
    assertRefused("lies in memory (tmpfs)", "put root on a disk, or set durability");
    Files.writeString(
        node.config(),
        "\n[retain]\ndurability = \"process-crash\"\n",
        java.nio.file.StandardOpenOption.APPEND);
    node.start();
    assertTrue(node.retainctl("log", "status").expectSuccess().contains("process-crash"));
  }

  @Test
  void theLogOfAnotherNode() throws Exception {
    node.start();
    node.stopDaemon();
    Path identity = node.folder().resolve("root.identity");
    Node other = Node.prepared();
    try {
      other.start();
      other.stopDaemon();
      Files.copy(
          other.folder().resolve("root.identity"),
          identity,
          java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    } finally {
      other.close();
    }
    assertRefused(
        "belongs to node ",
        "according to " + identity,
        "mount the right disk",
        "remove " + identity);
    Files.delete(identity);
    node.start();
  }

  @Test
  void theLogThatAnotherDaemonWrites() throws Exception {
    node.start();
    Path second = node.folder().resolve("second.toml");
    Files.writeString(
        second,
        Files.readString(node.config())
            .replace("/retainerd.sock", "/second.sock")
            .replace(node.state().toString(), node.folder() + "/state2"));
    Host.Output output =
        Host.run(
            30,
            List.of(Node.DIST.resolve("bin/retainerd").toString(), "--config", second.toString()));
    assertEquals(1, output.code(), output::text);
    assertTrue(
        output
            .text()
            .contains(
                "the event log in "
                    + node.root().resolve("log")
                    + " is being written by process "
                    + node.daemonPid()
                    + "; stop that daemon"),
        output::text);
    assertTrue(node.answers());
    String told = node.rewind("log", node.root().toString()).expectSuccess();
    assertTrue(told.contains("durability power-loss"), told);
  }

  @Test
  void aLogThatANewerVersionWrote() throws Exception {
    node.start();
    node.stopDaemon();
    LogOptions options =
        LogOptions.standard(node.root().resolve("log"))
            .withSizes(1 << 20, 1L << 30, 1L << 20)
            .withCheckpoints(java.util.Optional.empty());
    long last;
    try (ChronicleEventLog log = ChronicleEventLog.open(options)) {
      log.append(
          List.of(
              new EnvelopeDraft(
                  "", "node", Actor.daemon(), "", 0, 64_999, 1, new byte[] {1, 2, 3})));
      last = log.lastSequence();
    }
    assertRefused(
        "retainerd: event " + last + " has type 64999 in version 1",
        "use the version that wrote the log, or a newer one");
    Host.Output looked = node.rewind("log", node.root().toString());
    assertTrue(looked.text().contains("event " + last + " has type 64999"), looked::text);
  }
}
