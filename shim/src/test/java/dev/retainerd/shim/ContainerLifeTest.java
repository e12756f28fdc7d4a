package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.retain.Record;
import dev.retainerd.shim.wire.retain.RecordKind;
import dev.retainerd.shim.wire.retain.ReopenLogRequest;
import dev.retainerd.shim.wire.task.DeleteRequest;
import dev.retainerd.shim.wire.task.PauseRequest;
import dev.retainerd.shim.wire.task.ResumeRequest;
import dev.retainerd.shim.wire.task.StartRequest;
import dev.retainerd.shim.wire.task.StateRequest;
import dev.retainerd.shim.wire.task.StatsRequest;
import dev.retainerd.shim.wire.task.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("real")
class ContainerLifeTest {
  private ShimHarness harness;

  @BeforeEach
  void start() throws Exception {
    harness = new ShimHarness();
  }

  @AfterEach
  void stop() throws Exception {
    harness.close();
  }

  @Test
  void echoIsLoggedAndItsEndIsOnRecordUntilDelete() throws Exception {
    Path log = harness.run("c1", "sh", "-c", "echo hello; echo oops >&2; exit 7");
    assertEquals(7, harness.await("c1", "").getExitStatus());
    List<String> lines = Files.readAllLines(log);
    assertEquals(2, lines.size());
    assertTrue(lines.get(0).matches("\\d{4}-\\d\\d-\\d\\dT[\\d:]{8}\\.\\d{9}Z stdout F hello"));
    assertTrue(lines.get(1).endsWith(" stderr F oops"));
    Record record = harness.shim.records(0, Duration.ofSeconds(10)).getRecords(0);
    assertEquals(7, record.getExitStatus());
    assertEquals(1, record.getNumber());
    assertEquals(7, harness.delete("c1").getExitStatus());
    assertEquals(0, harness.shim.records(0, Duration.ZERO).getRecordsCount());
    assertFalse(Files.exists(log.resolveSibling("retain")));
    assertFalse(Files.readString(Path.of("/proc/self/mounts")).contains(harness.root.toString()));
    assertTrue(harness.shim.shutdownIfEmpty(ShimHarness.PATIENCE));
    assertTrue(harness.process.waitFor(10, TimeUnit.SECONDS));
  }

  @Test
  void killedContainerEndsWithTheSignal() throws Exception {
    harness.run("c1", "sleep", "1000");
    assertEquals(
        Status.RUNNING,
        harness
            .tasks
            .state(StateRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE)
            .getStatus());
    TtrpcException refusal = assertThrows(TtrpcException.class, () -> harness.delete("c1"));
    assertEquals(StatusCode.FAILED_PRECONDITION, refusal.code());
    harness.kill("c1", 9);
    assertEquals(137, harness.await("c1", "").getExitStatus());
    refusal = assertThrows(TtrpcException.class, () -> harness.kill("c1", 9));
    assertEquals(StatusCode.NOT_FOUND, refusal.code());
    harness.delete("c1");
  }

  @Test
  void theRuntimesOwnMessageReachesTheCaller() throws Exception {
    Path bundle = harness.bundle("c1", "/no/such/program");
    TtrpcException refusal =
        assertThrows(
            TtrpcException.class,
            () ->
                harness.tasks.create(harness.request("c1", bundle).build(), ShimHarness.PATIENCE));
    assertTrue(refusal.getMessage().contains("/no/such/program"), refusal.getMessage());
    assertFalse(Files.exists(bundle.resolve("retain")));
  }

  @Test
  void execsRunBesideAndReportTheirOwnEnds() throws Exception {
    harness.run("c1", "sleep", "1000");
    Path out = harness.root.resolve("exec.out");
    harness.exec("c1", "e1", "file://" + out, "sh", "-c", "echo from exec; exit 3");
    assertEquals(3, harness.await("c1", "e1").getExitStatus());
    assertEquals("from exec\n", Files.readString(out));
    assertEquals(
        3,
        harness
            .tasks
            .delete(
                DeleteRequest.newBuilder().setId("c1").setExecId("e1").build(),
                ShimHarness.PATIENCE)
            .getExitStatus());
    assertThrows(TtrpcException.class, () -> harness.exec("c1", "e2", "", "/no/such/program"));
    harness.kill("c1", 9);
    harness.await("c1", "");
    TtrpcException refusal =
        assertThrows(TtrpcException.class, () -> harness.exec("c1", "e3", "", "true"));
    assertEquals(StatusCode.FAILED_PRECONDITION, refusal.code());
    assertTrue(refusal.getMessage().contains("stopped"), refusal.getMessage());
  }

  @Test
  void threeHundredExecsAtOnceEachWithItsOwnStatus() throws Exception {
    harness.run("c1", "sleep", "1000");
    List<CompletableFuture<Integer>> wrong = new ArrayList<>();
    try (ExecutorService callers = Executors.newFixedThreadPool(32)) {
      for (int i = 0; i < 300; i++) {
        int number = i;
        wrong.add(CompletableFuture.supplyAsync(() -> oneExec(number), callers));
      }
    }
    for (int i = 0; i < 300; i++) {
      assertEquals(i % 200, wrong.get(i).join());
    }
    long zombies = 0;
    for (ProcessHandle child : harness.process.children().toList()) {
      String stat = Files.readString(Path.of("/proc/" + child.pid() + "/stat"));
      zombies += stat.contains(") Z ") ? 1 : 0;
    }
    assertEquals(0, zombies);
  }

  private int oneExec(int number) {
    try {
      String id = "e" + number;
      harness.exec("c1", id, "", "sh", "-c", "exit " + number % 200);
      int status = harness.await("c1", id).getExitStatus();
      harness.tasks.delete(
          DeleteRequest.newBuilder().setId("c1").setExecId(id).build(), ShimHarness.PATIENCE);
      return status;
    } catch (Exception e) {
      throw new IllegalStateException("exec " + number, e);
    }
  }

  @Test
  void pausedContainerIsKilledAndStatsAreTold() throws Exception {
    harness.run("c1", "sleep", "1000");
    harness.tasks.pause(PauseRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE);
    TtrpcException refusal =
        assertThrows(TtrpcException.class, () -> harness.exec("c1", "e1", "", "true"));
    assertTrue(refusal.getMessage().contains("paused"), refusal.getMessage());
    harness.tasks.resume(ResumeRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE);
    assertTrue(
        harness
            .tasks
            .stats(StatsRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE)
            .getStats()
            .getTypeUrl()
            .startsWith("io.containerd.cgroups.v"));
    harness.tasks.pause(PauseRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE);
    harness.kill("c1", 9);
    assertEquals(137, harness.await("c1", "").getExitStatus());
    harness.delete("c1");
  }

  @Test
  void oomIsOnRecordBeforeTheExitItCaused() throws Exception {
    Path bundle = harness.bundle("c1", "tail", "/dev/zero");
    // An eater of memory: it looks for the end of a line that never comes.
    Path config = bundle.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replace("\"linux\":{", "\"linux\":{\"resources\":{\"memory\":{\"limit\":20971520}},"));
    harness.tasks.create(harness.request("c1", bundle).build(), ShimHarness.PATIENCE);
    harness.tasks.start(StartRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE);
    assertEquals(137, harness.await("c1", "").getExitStatus());
    List<Record> records = harness.shim.records(0, Duration.ofSeconds(10)).getRecordsList();
    assertEquals(RecordKind.OOM, records.get(0).getKind());
    assertTrue(records.get(0).getCgroup().endsWith("/c1"), records.get(0).getCgroup());
    Record exit = records.get(records.size() - 1);
    assertEquals(RecordKind.EXIT, exit.getKind());
    assertTrue(exit.getOomKilled());
    harness.delete("c1");
  }

  @Test
  void leakedWriterDoesNotHoldBackTheEndOfAnExec() throws Exception {
    harness.run("c1", "sleep", "1000");
    Path out = harness.root.resolve("exec.out");
    long before = System.nanoTime();
    harness.exec("c1", "e1", "file://" + out, "sh", "-c", "sleep 30 & echo done");
    assertEquals(0, harness.await("c1", "e1").getExitStatus());
    assertTrue(System.nanoTime() - before < 15_000_000_000L);
    assertEquals("done\n", Files.readString(out));
  }

  @Test
  void rotatedLogGoesOnInANewFile() throws Exception {
    Path log =
        harness.run(
            "c1", "sh", "-c", "echo one; while [ ! -e /tmp/go ]; do sleep 0.01; done; echo two");
    ShimHarness.awaitTrue("the first line", () -> Files.size(log) > 0);
    Path old = log.resolveSibling("out.log.1");
    Files.move(log, old);
    harness.shim.reopenLog(
        ReopenLogRequest.newBuilder().setNamespace(ShimHarness.NAMESPACE).setId("c1").build(),
        ShimHarness.PATIENCE);
    Files.writeString(harness.root.resolve("bundles/c1/rootfs/tmp/go"), "");
    harness.await("c1", "");
    assertEquals("one\n", ShimHarness.content(old));
    assertEquals("two\n", ShimHarness.content(log));
    harness.delete("c1");
  }

  @Test
  void badIdsAndBundlesAreRefusedByName() throws Exception {
    Path bundle = harness.bundle("good", "true");
    for (String id : List.of("a/b", "..", "", "x\0y")) {
      TtrpcException refusal =
          assertThrows(
              TtrpcException.class,
              () ->
                  harness.tasks.create(
                      harness.request("x", bundle).setId(id).build(), ShimHarness.PATIENCE));
      assertEquals(StatusCode.INVALID_ARGUMENT, refusal.code(), id);
    }
    TtrpcException refusal =
        assertThrows(
            TtrpcException.class,
            () ->
                harness.tasks.create(
                    harness.request("x", bundle.resolve("not-there")).build(),
                    ShimHarness.PATIENCE));
    assertEquals(StatusCode.NOT_FOUND, refusal.code());
  }
}
