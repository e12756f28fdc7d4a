package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.files.ReadOnlyLog;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Case 1, the metadata database is corrupt after a loss of power: each file of RocksDB is flipped,
 * truncated and deleted in turn. The daemon is ready as ever, its store equals what the fold makes
 * of the log, an event tells of it, and no container notices.
 */
@Tag("real")
class MetadataDbCorruptTest {
  private Node node;
  private History history;
  private Untouched container;
  private final Random random = new Random(1);

  @BeforeEach
  void start() {
    node = Node.started();
    history = new History(node);
    node.importImage("k8s.io");
    container = Untouched.start(new Pods(node));
  }

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void oneFileOfEachKind() throws IOException {
    node.stopDaemon();
    for (String how : List.of("delete CURRENT", "flip MANIFEST", "truncate .sst", "flip .sst")) {
      String[] words = how.split(" ");
      Path file =
          files().stream()
              .filter(f -> f.getFileName().toString().contains(words[1]))
              .findFirst()
              .orElseThrow();
      damageStartAndStop(words[0], file);
    }
    node.start();
    container.expectOwnExit();
  }

  @Test
  void theWholeStoreIsGone() throws IOException {
    node.stopDaemon();
    for (Path file : files()) {
      Files.delete(file);
    }
    Files.delete(store());
    long before = startedAndHistory();
    assertEquals(1, history.sentences(before, "DamageFound").size(), "an event says so");
    expectAsTheLogHasIt("the whole store deleted");
  }

  @Test
  @Tag("soak")
  @Timeout(value = 40, unit = TimeUnit.MINUTES)
  void everyFileFlippedTruncatedAndDeletedInTurn() throws IOException {
    node.stopDaemon();
    for (String how : List.of("flip", "truncate", "delete")) {
      for (int index = 0; index < files().size(); index++) {
        damageStartAndStop(how, files().get(index));
      }
    }
    node.start();
    container.expectOwnExit();
  }

  private void damageStartAndStop(String how, Path file) throws IOException {
    String name = file.getFileName().toString();
    String what = how + " " + name;
    damage(how, file);
    long before = startedAndHistory();
    List<String> told = history.sentences(before, "DamageFound");
    boolean holdsState =
        name.equals("CURRENT") || name.startsWith("MANIFEST") || name.endsWith(".sst");
    if (holdsState) {
      assertEquals(1, told.size(), () -> what + ": an event says so, but: " + told);
      assertTrue(told.getFirst().contains("set aside to " + store()), () -> what + ": " + told);
      String info = node.retainctl("--json", "events", "--from", "" + before).expectSuccess();
      assertTrue(info.contains("DamageFound"), info);
    }
    expectAsTheLogHasIt(what);
  }

  /** Starts the daemon; returns the sequence of the first event after the start. */
  private long startedAndHistory() {
    long last = ReadOnlyLog.open(node.root().resolve("log")).lastSequence();
    node.start();
    return last + 1;
  }

  /** The daemon is stopped for it, and stays so. */
  private void expectAsTheLogHasIt(String what) {
    container.expectKnown();
    node.stopDaemon();
    String compared =
        node.rewind("verify", node.root().toString(), "--store", store().toString())
            .expectSuccess();
    assertTrue(compared.contains("the same as the events make"), what + ": " + compared);
    assertFalse(compared.contains(" 0 entries"), what + ": " + compared);
    container.expectRunning();
  }

  private Path store() {
    return node.root().resolve("store");
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(store())) {
      return files.sorted().toList();
    }
  }

  private void damage(String how, Path path) throws IOException {
    switch (how) {
      case "flip" -> {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
          if (file.length() > 0) {
            long at = random.nextLong(file.length());
            file.seek(at);
            int old = file.read();
            file.seek(at);
            file.write(old ^ 1 << random.nextInt(8));
          }
        }
      }
      case "truncate" -> {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
          file.setLength(file.length() / 2);
        }
      }
      default -> Files.delete(path);
    }
  }
}
