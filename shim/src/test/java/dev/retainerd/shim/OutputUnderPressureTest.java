package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.shim.wire.retain.ReopenLogRequest;
import dev.retainerd.shim.wire.task.StateRequest;
import dev.retainerd.shim.wire.task.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Full disks, readers that never come, many streams at once: nothing is dropped, nobody hangs. */
@Tag("real")
class OutputUnderPressureTest {
  private ShimHarness harness;

  @BeforeEach
  void start() throws Exception {
    harness = new ShimHarness();
  }

  @AfterEach
  void stop() throws Exception {
    harness.close();
  }

  private static void run(String... command) throws Exception {
    assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor(), command[0]);
  }

  private Path smallDisk(String name, String size) throws Exception {
    Path disk = Files.createDirectories(harness.root.resolve(name));
    run("mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", disk.toString());
    return disk;
  }

  /** More than fits into pipe and spool, in lines so long that their prefixes hardly count. */
  private static final int LONG_LINES = 4_000;

  private static final String PADDING = "x".repeat(500);
  private static final String WRITES_LONG_LINES =
      "i=1; while [ $i -le "
          + LONG_LINES
          + " ]; do echo $i "
          + PADDING
          + "; i=$((i+1)); done; exit 3";

  private static String longLines() {
    StringBuilder wanted = new StringBuilder();
    for (int i = 1; i <= LONG_LINES; i++) {
      wanted.append(i).append(' ').append(PADDING).append('\n');
    }
    return wanted.toString();
  }

  private static String numbers(int last) {
    StringBuilder wanted = new StringBuilder();
    for (int i = 1; i <= last; i++) {
      wanted.append(i).append('\n');
    }
    return wanted.toString();
  }

  private boolean running(String id) throws Exception {
    return harness
            .tasks
            .state(StateRequest.newBuilder().setId(id).build(), ShimHarness.PATIENCE)
            .getStatus()
        == Status.RUNNING;
  }

  /** The disk of the log is full: the container waits, and goes on when there is room. */
  @Test
  void fullDiskBlocksTheContainerAndLosesNothing() throws Exception {
    Path disk = smallDisk("logs", "4m");
    Path log = disk.resolve("out.log");
    Path ballast = disk.resolve("ballast");
    Files.write(ballast, new byte[3 << 20]);
    Path bundle = harness.bundle("c1", "sh", "-c", WRITES_LONG_LINES);
    harness.tasks.create(
        harness.request("c1", bundle).setStdout("cri://" + log).build(), ShimHarness.PATIENCE);
    harness.start("c1");
    ShimHarness.awaitTrue("a full disk", () -> disk.toFile().getUsableSpace() == 0);
    long size = Files.size(log);
    // Others are served meanwhile.
    for (int i = 0; i < 5; i++) {
      harness.run("other" + i, "sh", "-c", "echo here; exit 4");
      assertEquals(4, harness.await("other" + i, "").getExitStatus());
      harness.delete("other" + i);
    }
    assertEquals(size, Files.size(log));
    assertTrue(running("c1"), "it should wait for room");
    // A rotation with a removal of the old file makes room, as kubelet does it.
    Files.delete(ballast);
    ShimHarness.awaitTrue("a log that grows", () -> Files.size(log) > size);
    Path old = disk.resolve("out.log.1");
    Files.move(log, old);
    harness.shim.reopenLog(
        ReopenLogRequest.newBuilder().setNamespace(ShimHarness.NAMESPACE).setId("c1").build(),
        ShimHarness.PATIENCE);
    assertEquals(3, harness.await("c1", "").getExitStatus());
    String all = ShimHarness.content(old) + (Files.size(log) > 0 ? ShimHarness.content(log) : "");
    assertEquals(longLines(), all);
    harness.delete("c1");
  }

  /** The same, and the shim is killed while the disk is full. */
  @Test
  void shimKilledOnAFullDiskLosesNothing() throws Exception {
    Path disk = smallDisk("logs", "4m");
    Path log = disk.resolve("out.log");
    Path ballast = disk.resolve("ballast");
    Files.write(ballast, new byte[3 << 20]);
    Path bundle = harness.bundle("c1", "sh", "-c", WRITES_LONG_LINES);
    harness.tasks.create(
        harness.request("c1", bundle).setStdout("cri://" + log).build(), ShimHarness.PATIENCE);
    harness.start("c1");
    ShimHarness.awaitTrue("a full disk", () -> disk.toFile().getUsableSpace() == 0);
    for (int i = 0; i < 2; i++) {
      harness.killShim();
      harness.startShim();
      assertTrue(harness.adopt("c1", "").getAdopted());
    }
    assertTrue(running("c1"), "it should wait for room");
    Files.delete(ballast);
    assertEquals(3, harness.await("c1", "").getExitStatus());
    assertEquals(longLines(), ShimHarness.content(log));
    harness.delete("c1");
  }

  /**
   * A container ends and is deleted while the disk of its log is full: what it wrote comes into the
   * log when there is room, also through another shim than its own.
   */
  @Test
  void outputOfADeletedContainerIsWrittenWhenThereIsRoom() throws Exception {
    Path disk = smallDisk("logs", "1m");
    Path log = disk.resolve("out.log");
    Path ballast = disk.resolve("ballast");
    Path bundle = harness.bundle("c1", "sh", "-c", "seq 1 5000; seq 5001 10000 >&2; exit 3");
    String destination = "cri://" + log;
    harness.tasks.create(
        harness.request("c1", bundle).setStdout(destination).setStderr(destination).build(),
        ShimHarness.PATIENCE);
    // All but some kilobytes, so that an entry is cut in its middle.
    Files.write(ballast, new byte[(1 << 20) - (20 << 10)]);
    harness.start("c1");
    long before = System.nanoTime();
    assertEquals(3, harness.await("c1", "").getExitStatus());
    assertTrue(System.nanoTime() - before < 20_000_000_000L, "the drain is not bounded");
    assertEquals(3, harness.delete("c1").getExitStatus());
    assertTrue(!Files.exists(bundle.resolve("retain")), "the bundle is empty");
    assertEquals(1, undelivered());
    harness.killShim();
    harness.startShim();
    Files.delete(ballast);
    ShimHarness.awaitTrue("the rest in the log", () -> undelivered() == 0);
    StringBuilder first = new StringBuilder();
    StringBuilder second = new StringBuilder();
    for (String line : Files.readAllLines(log)) {
      String[] fields = line.split(" ", 4);
      (fields[1].equals("stdout") ? first : second).append(fields[3]).append('\n');
    }
    String all = numbers(10_000);
    int middle = all.indexOf("\n5001\n") + 1;
    assertEquals(all.substring(0, middle), first.toString());
    assertEquals(all.substring(middle), second.toString());
  }

  /** Nobody brings a log back that was removed with its container. */
  @Test
  void outputOfARemovedLogIsForgotten() throws Exception {
    Path disk = smallDisk("logs", "1m");
    Path log = disk.resolve("out.log");
    Path bundle = harness.bundle("c1", "sh", "-c", "seq 1 20000; exit 3");
    harness.tasks.create(
        harness.request("c1", bundle).setStdout("cri://" + log).build(), ShimHarness.PATIENCE);
    Files.write(disk.resolve("ballast"), new byte[1 << 20]);
    harness.start("c1");
    assertEquals(3, harness.await("c1", "").getExitStatus());
    harness.delete("c1");
    assertEquals(1, undelivered());
    Files.delete(log);
    ShimHarness.awaitTrue("nothing left", () -> undelivered() == 0);
    assertTrue(!Files.exists(log));
  }

  private long undelivered() throws Exception {
    try (var folders = Files.list(harness.root.resolve("undelivered"))) {
      return folders.count();
    }
  }

  /** The disk of the bundle, where the spool is, is full instead. */
  @Test
  void fullSpoolDiskBlocksTheContainerAndLosesNothing() throws Exception {
    Path made = harness.bundle("c1", "sh", "-c", "seq 1 60000; exit 3");
    Path disk = smallDisk("state", "2m");
    Path bundle = Files.createDirectories(disk.resolve("c1"));
    Files.copy(made.resolve("config.json"), bundle.resolve("config.json"));
    Files.writeString(
        bundle.resolve("config.json"),
        Files.readString(bundle.resolve("config.json"))
            .replace("\"path\":\"rootfs\"", "\"path\":\"" + made.resolve("rootfs") + "\""));
    Path log = harness.root.resolve("out.log");
    harness.tasks.create(
        harness.request("c1", bundle).setStdout("cri://" + log).build(), ShimHarness.PATIENCE);
    Path ballast = disk.resolve("ballast");
    byte[] block = new byte[4096];
    try (var out = Files.newOutputStream(ballast)) {
      while (disk.toFile().getUsableSpace() > 64 << 10) {
        out.write(block);
      }
    }
    harness.start("c1");
    ShimHarness.awaitTrue("some output", () -> Files.exists(log) && Files.size(log) > 0);
    Files.delete(ballast);
    assertEquals(3, harness.await("c1", "").getExitStatus());
    assertEquals(numbers(60_000), ShimHarness.content(log));
    harness.delete("c1");
  }

  /** A client's FIFO that nobody ever opens costs neither start nor end. */
  @Test
  void fifoNobodyOpensHoldsUpNothing() throws Exception {
    Path out = harness.root.resolve("out");
    run("mkfifo", out.toString());
    Path bundle = harness.bundle("c1", "sh", "-c", "echo to nobody; exit 6");
    harness.tasks.create(
        harness.request("c1", bundle).setStdout(out.toString()).build(), ShimHarness.PATIENCE);
    harness.start("c1");
    long before = System.nanoTime();
    assertEquals(6, harness.await("c1", "").getExitStatus());
    assertTrue(System.nanoTime() - before < 15_000_000_000L, "the drain is not bounded");
    harness.delete("c1");
  }

  /** Case 18: seventy execs at once, one of which leaks a child that holds its stdout. */
  @Test
  void seventyExecsAtOnceAndALeakedChild() throws Exception {
    harness.run("c1", "sleep", "1000");
    Path out = harness.root.resolve("leaked.out");
    harness.exec("c1", "leaky", "file://" + out, "sh", "-c", "sleep 60 & echo leaked");
    List<Thread> threads = new java.util.ArrayList<>();
    var wrong = new java.util.concurrent.ConcurrentLinkedQueue<String>();
    for (int i = 0; i < 70; i++) {
      int number = i;
      threads.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      Path file = harness.root.resolve("e" + number + ".out");
                      harness.exec(
                          "c1", "e" + number, "file://" + file, "sh", "-c", "echo " + number);
                      int code = harness.await("c1", "e" + number).getExitStatus();
                      String text = Files.readString(file);
                      if (code != 0 || !text.equals(number + "\n")) {
                        wrong.add(number + ": " + code + " " + text);
                      }
                    } catch (Exception e) {
                      wrong.add(number + ": " + e);
                    }
                  }));
    }
    long slowest = 0;
    while (threads.stream().anyMatch(Thread::isAlive)) {
      long before = System.nanoTime();
      assertTrue(running("c1"));
      slowest = Math.max(slowest, System.nanoTime() - before);
    }
    assertEquals(List.of(), List.copyOf(wrong));
    assertTrue(slowest < 1_000_000_000L, "State took " + slowest / 1_000_000 + " ms");
    assertEquals(0, harness.await("c1", "leaky").getExitStatus());
    assertEquals("leaked\n", Files.readString(out));
    harness.kill("c1", 9);
    harness.await("c1", "");
    harness.delete("c1");
  }
}
