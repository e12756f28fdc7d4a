package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.shim.protocol.DescriptorHolder;
import dev.retainerd.shim.wire.record.ContainerRecord;
import dev.retainerd.shim.wire.retain.AdoptOutcome;
import dev.retainerd.shim.wire.retain.ExitSource;
import dev.retainerd.shim.wire.retain.Record;
import dev.retainerd.shim.wire.retain.SendDescriptorsRequest;
import java.io.BufferedReader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The shim is killed; a successor goes on from the bundle alone. */
@Tag("real")
class AdoptionTest {
  private ShimHarness harness;

  @BeforeEach
  void start() throws Exception {
    harness = new ShimHarness();
  }

  @AfterEach
  void stop() throws Exception {
    harness.close();
  }

  private void replaceShim(String holder, String... ids) throws Exception {
    harness.killShim();
    harness.startShim();
    for (String id : ids) {
      AdoptOutcome outcome = harness.adopt(id, holder);
      assertTrue(outcome.getAdopted(), outcome.getMessage());
    }
  }

  private Record exitRecord() throws Exception {
    long deadline = System.nanoTime() + ShimHarness.PATIENCE.toNanos();
    while (System.nanoTime() < deadline) {
      for (Record record : harness.shim.records(0, Duration.ofSeconds(5)).getRecordsList()) {
        return record;
      }
    }
    throw new AssertionError("no record came");
  }

  @Test
  void outputIsByteExactOverKillsInItsMiddle() throws Exception {
    byteExact(8, 600_000);
  }

  @Test
  @Tag("soak")
  void outputIsByteExactOverAHundredKills() throws Exception {
    byteExact(100, 6_000_000);
  }

  private void byteExact(int kills, int lines) throws Exception {
    Path log =
        harness.run(
            "c1",
            "sh",
            "-c",
            "seq 1 " + lines + "; while [ ! -e /tmp/go ]; do sleep 0.01; done; exit 9");
    int inTheMiddle = 0;
    for (int kill = 0; kill < kills; kill++) {
      // Not before the log has grown since, and not always at the same moment after that.
      long before = Files.size(log);
      ShimHarness.awaitTrue("more output", () -> Files.size(log) > before || isWhole(log, lines));
      Thread.sleep(kill % 7);
      inTheMiddle += isWhole(log, lines) ? 0 : 1;
      replaceShim("", "c1");
    }
    assertTrue(inTheMiddle >= kills / 2, "only " + inTheMiddle + " kills met flowing output");
    Files.writeString(harness.root.resolve("bundles/c1/rootfs/tmp/go"), "");
    assertEquals(9, harness.await("c1", "").getExitStatus());
    int wanted = 0;
    try (BufferedReader all = Files.newBufferedReader(log)) {
      for (String line = all.readLine(); line != null; line = all.readLine()) {
        wanted++;
        // A time stamp of 30 characters, the stream, F, and the number: nothing else, ever.
        assertEquals(" stdout F " + wanted, line.substring(30), "line " + wanted);
      }
    }
    assertEquals(lines, wanted);
    harness.delete("c1");
  }

  private static boolean isWhole(Path log, int lines) throws Exception {
    String last = Integer.toString(lines) + "\n";
    try (FileChannel file = FileChannel.open(log)) {
      ByteBuffer end = ByteBuffer.allocate(last.length());
      file.read(end, Math.max(0, file.size() - last.length()));
      return new String(end.array(), StandardCharsets.US_ASCII).equals(last);
    }
  }

  @Test
  void exitWhileNoShimLivesIsToldWithItsRealCode() throws Exception {
    harness.run("c1", "sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.01; done; exit 42");
    harness.killShim();
    Path rootfs = harness.root.resolve("bundles/c1/rootfs");
    Instant before = Instant.now();
    Files.writeString(rootfs.resolve("tmp/go"), "");
    Path pid = harness.root.resolve("bundles/c1/retain/pid");
    Path process = Path.of("/proc", Files.readString(pid).trim());
    ShimHarness.awaitTrue(
        "the end of the container",
        () -> !Files.exists(process) || Files.readString(process.resolve("stat")).contains(") Z "));
    Instant after = Instant.now();
    harness.startShim();
    AdoptOutcome outcome = harness.adopt("c1", "");
    assertTrue(outcome.getAdopted(), outcome.getMessage());
    Record record = exitRecord();
    assertEquals(42, record.getExitStatus());
    assertEquals(ExitSource.PIN, record.getSource());
    // Not the time of its discovery: the kernel was listened to by nobody, and remembers.
    Instant at = Instant.ofEpochSecond(0, record.getAtNanos());
    assertTrue(
        !at.isBefore(before.minusMillis(2)) && !at.isAfter(after.plusMillis(2)),
        at + " is not from " + before + " to " + after);
    assertTrue(record.getReason().contains("status and time are the kernel's"));
    assertEquals(42, harness.delete("c1").getExitStatus());
  }

  @Test
  void adoptedContainerThatEndsLaterIsSeen() throws Exception {
    harness.run("c1", "sleep", "1000");
    harness.exec("c1", "e1", "", "sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.01; done; exit 5");
    replaceShim("", "c1");
    Files.writeString(harness.root.resolve("bundles/c1/rootfs/tmp/go"), "");
    assertEquals(5, harness.await("c1", "e1").getExitStatus());
    harness.exec("c1", "e2", "", "sh", "-c", "exit 6");
    assertEquals(6, harness.await("c1", "e2").getExitStatus());
    harness.kill("c1", 15);
    harness.kill("c1", 9);
    assertEquals(137, harness.await("c1", "").getExitStatus());
    harness.delete("c1");
  }

  @Test
  void recordedExitIsToldAgainByTheSuccessor() throws Exception {
    harness.run("c1", "sh", "-c", "exit 3");
    harness.await("c1", "");
    replaceShim("", "c1");
    Record record = exitRecord();
    assertEquals(3, record.getExitStatus());
    assertEquals(ExitSource.RECORD, record.getSource());
    harness.delete("c1");
  }

  /** Daemon and shim are both dead, and the container ends: nothing of ours reads its pipes. */
  @Test
  void lastBytesAreKeptWhereNobodyOfOursLives() throws Exception {
    Path log =
        harness.run(
            "c1",
            "sh",
            "-c",
            "echo first; while [ ! -e /tmp/end ]; do sleep 0.01; done; seq 1 20000; exit 1");
    Path out = harness.root.resolve("exec.out");
    harness.exec(
        "c1",
        "e1",
        "file://" + out,
        "sh",
        "-c",
        "while [ ! -e /tmp/go ]; do sleep 0.01; done; echo of an exec; exit 2");
    harness.killShim();
    // The exec first: the end of the container's init would be a SIGKILL to it.
    endOf("retain/exec/e1/pid", "go");
    endOf("retain/pid", "end");
    harness.startShim();
    AdoptOutcome outcome = harness.adopt("c1", "");
    assertTrue(outcome.getAdopted(), outcome.getMessage());
    assertEquals("", outcome.getMessage());
    assertEquals(1, harness.await("c1", "").getExitStatus());
    assertEquals(2, harness.await("c1", "e1").getExitStatus());
    StringBuilder wanted = new StringBuilder("first\n");
    for (int i = 1; i <= 20_000; i++) {
      wanted.append(i).append('\n');
    }
    assertEquals(wanted.toString(), ShimHarness.content(log));
    assertEquals("of an exec\n", Files.readString(out));
    harness.delete("c1");
  }

  /** Lets a process go on to its end, and waits for it. */
  private void endOf(String pidFile, String go) throws Exception {
    Path bundle = harness.root.resolve("bundles/c1");
    Path process = Path.of("/proc", Files.readString(bundle.resolve(pidFile)).trim());
    Files.writeString(bundle.resolve("rootfs/tmp").resolve(go), "");
    ShimHarness.awaitTrue(
        "the end of " + pidFile,
        () -> !Files.exists(process) || Files.readString(process.resolve("stat")).contains(") Z "));
  }

  /** Whoever holds the pipes beside us may die as well: another takes its place. */
  @Test
  void keeperThatIsKilledIsReplaced() throws Exception {
    Path log =
        harness.run(
            "c1", "sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.01; done; echo last; exit 1");
    long first = keeper();
    ProcessHandle.of(first).orElseThrow().destroyForcibly();
    ShimHarness.awaitTrue("another keeper", () -> keeper() != first);
    long second = keeper();
    harness.killShim();
    Files.writeString(harness.root.resolve("bundles/c1/rootfs/tmp/go"), "");
    Path pid = harness.root.resolve("bundles/c1/retain/pid");
    Path process = Path.of("/proc", Files.readString(pid).trim());
    ShimHarness.awaitTrue(
        "the end of the container",
        () -> !Files.exists(process) || Files.readString(process.resolve("stat")).contains(") Z "));
    harness.startShim();
    assertTrue(harness.adopt("c1", "").getAdopted());
    assertEquals(1, harness.await("c1", "").getExitStatus());
    assertEquals("last\n", ShimHarness.content(log));
    harness.delete("c1");
    ShimHarness.awaitTrue("the end of the keeper", () -> !isAlive(second));
  }

  private long keeper() throws Exception {
    return ContainerRecord.parseFrom(
            Files.readAllBytes(harness.root.resolve("bundles/c1/retain/container")))
        .getInit()
        .getKeeperPid();
  }

  private static boolean isAlive(long pid) {
    return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
  }

  @Test
  void lastBytesAreKeptByAHolderWhenNoShimLives() throws Exception {
    Path socket = harness.root.resolve("holder");
    try (DescriptorHolder holder = DescriptorHolder.serve(socket)) {
      assertEquals(
          "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)));
      Path log =
          harness.run(
              "c1",
              "sh",
              "-c",
              "echo first; while [ ! -e /tmp/go ]; do sleep 0.01; done; echo last; exit 1");
      harness.shim.sendDescriptors(
          SendDescriptorsRequest.newBuilder().setHolderSocket(socket.toString()).build(),
          ShimHarness.PATIENCE);
      assertEquals(2, holder.size());
      harness.killShim();
      Files.writeString(harness.root.resolve("bundles/c1/rootfs/tmp/go"), "");
      Path pid = harness.root.resolve("bundles/c1/retain/pid");
      Path process = Path.of("/proc", Files.readString(pid).trim());
      ShimHarness.awaitTrue(
          "the end of the container",
          () ->
              !Files.exists(process) || Files.readString(process.resolve("stat")).contains(") Z "));
      harness.startShim();
      AdoptOutcome outcome = harness.adopt("c1", socket.toString());
      assertTrue(outcome.getAdopted(), outcome.getMessage());
      assertEquals(1, harness.await("c1", "").getExitStatus());
      assertEquals("first\nlast\n", ShimHarness.content(log));
      harness.delete("c1");
    }
  }

  @Test
  void adoptingTwiceIsHarmlessAndAStrangersBundleIsRefused() throws Exception {
    harness.run("c1", "sleep", "1000");
    replaceShim("", "c1");
    assertTrue(harness.adopt("c1", "").getAdopted());
    harness.bundle("c2", "true");
    assertTrue(harness.adopt("c2", "").getMessage().contains("holds no container"));
    harness.kill("c1", 9);
    harness.await("c1", "");
    harness.delete("c1");
  }
}
