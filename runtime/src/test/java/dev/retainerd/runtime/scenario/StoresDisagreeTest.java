package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.folders.Folders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Case 2, the stores disagree: a store of an earlier time is put back, and nothing is collected
 * before it has caught up with the log; the disk of root is not mounted yet, and the start is
 * refused with the mend instead of beginning a new history. No container notices.
 */
@Tag("real")
class StoresDisagreeTest {
  private static final String LATE = "docker.io/retain/late:1";
  private static final Pattern FOLDED = Pattern.compile("(\\d+) folded into the store");
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private Node node;

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void aStoreOfAnEarlierTimeIsPutBackAndNothingIsCollectedBeforeItHasCaughtUp() throws Exception {
    node = Node.started();
    History history = new History(node);
    node.importImage("k8s.io");
    Pods pods = new Pods(node);
    Untouched early = Untouched.start(pods);
    node.stopDaemon();
    long then = lastOnDisk();
    Path store = node.root().resolve("store");
    Path old = node.folder().resolve("store-of-then");
    Folders.copy(store, old);
    node.start();
    // What the old store knows nothing of: a name in another namespace, and a pod.
    node.importImage(node.name());
    node.ctr("images", "tag", Node.IMAGE, LATE).expectSuccess();
    String lateId = pods.start(pods.run("late"), "late", "counter", Pods.COUNTER);
    long latePid = pods.pid(lateId);
    long now = history.lastSequence();
    node.killDaemon();
    Folders.remove(store);
    Folders.copy(old, store);
    node.start();
    // The first thing a client can do is to have garbage collected, and wait for it.
    node.ctr("images", "rm", "--sync", Node.IMAGE).expectSuccess();
    assertTrue(folded() >= now - then, "folded " + folded() + " of " + (now - then));
    String checked = node.ctr("images", "check").expectSuccess();
    assertTrue(checked.contains(LATE) && checked.contains("complete"), checked);
    early.expectKnown();
    assertEquals(latePid, pods.pid(lateId));
    assertTrue(Host.runs(latePid));
    node.stopDaemon();
    String compared =
        node.rewind("verify", node.root().toString(), "--store", store.toString()).expectSuccess();
    assertTrue(compared.contains("the same as the events make"), compared);
    node.start();
    pods.stop(lateId, 10);
    early.expectOwnExit();
  }

  @Test
  void aStartOnAnEmptyMountIsRefusedWithTheMendAndBeginsNoNewLog() throws Exception {
    node = Node.started();
    node.importImage("k8s.io");
    Untouched container = Untouched.start(new Pods(node));
    node.killDaemon();
    long before = lastOnDisk();
    Path empty = Files.createDirectories(node.folder().resolve("not-mounted-yet"));
    // Seen by this daemon alone, as before the disk is mounted.
    node.startUnder(
        List.of(
            "unshare",
            "--mount",
            "sh",
            "-c",
            "mount --bind " + empty + " " + node.root() + " && exec \"$@\"",
            "sh"));
    assertRefused();
    assertEquals(List.of(), children(empty));
    container.expectRunning();
    node.startUnder(List.of());
    node.start();
    container.expectKnown();
    assertTrue(new History(node).lastSequence() > before, "the history goes on");
    container.expectOwnExit();
  }

  @Test
  void whoReallyWantsANewNodeRemovesTheFileThatTheRefusalNames() throws Exception {
    node = Node.started();
    String first = node.history().status(status()).getNodeId();
    node.stopDaemon();
    Folders.remove(node.root());
    assertRefused();
    Files.delete(identity());
    node.start();
    String second = node.history().status(status()).getNodeId();
    assertNotEquals(first, second);
    assertTrue(Files.readString(identity()).contains(second));
  }

  private static dev.retainerd.wire.history.v1.HistoryStatusRequest status() {
    return dev.retainerd.wire.history.v1.HistoryStatusRequest.getDefaultInstance();
  }

  private Path identity() {
    return node.folder().resolve("root.identity");
  }

  private void assertRefused() throws InterruptedException {
    Process refused = node.launch();
    assertTrue(refused.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS), "it runs on");
    assertEquals(1, refused.exitValue(), node::logTail);
    String said = node.logTail();
    assertTrue(
        said.contains(
            "retainerd: " + node.root().resolve("log") + " holds no event log, but this node is "),
        said);
    assertTrue(
        said.contains(
            "mount the disk that holds it, or, if it is gone for good, remove " + identity()),
        said);
  }

  private long lastOnDisk() {
    return dev.retainerd.eventlog.files.ReadOnlyLog.open(node.root().resolve("log")).lastSequence();
  }

  private long folded() throws IOException {
    long last = -1;
    Matcher found = FOLDED.matcher(Files.readString(node.log()));
    while (found.find()) {
      last = Long.parseLong(found.group(1));
    }
    return last;
  }

  private static List<Path> children(Path folder) throws IOException {
    try (Stream<Path> children = Files.list(folder)) {
      return children.toList();
    }
  }
}
