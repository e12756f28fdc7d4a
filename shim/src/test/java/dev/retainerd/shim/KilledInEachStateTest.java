package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.shim.protocol.DescriptorHolder;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.known.Any;
import dev.retainerd.shim.wire.retain.AdoptOutcome;
import dev.retainerd.shim.wire.retain.SendDescriptorsRequest;
import dev.retainerd.shim.wire.task.CreateTaskRequest;
import dev.retainerd.shim.wire.task.ExecProcessRequest;
import dev.retainerd.shim.wire.task.PauseRequest;
import dev.retainerd.shim.wire.task.ResumeRequest;
import dev.retainerd.shim.wire.task.StartRequest;
import dev.retainerd.shim.wire.task.StateRequest;
import dev.retainerd.shim.wire.task.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * SIGKILL of the shim in each state of a container's life, with and without a terminal. A holder
 * stands where the daemon's would.
 */
@Tag("real")
class KilledInEachStateTest {
  private static final String WAITING =
      "trap 'echo asked; sleep 0.3; exit 21' TERM; echo begun;"
          + " while [ ! -e /tmp/go ]; do sleep 0.02; done; echo done; exit 7";

  private ShimHarness harness;
  private Path holderSocket;
  private DescriptorHolder holder;
  private Path bundle;
  private Path log;

  @BeforeEach
  void start() throws Exception {
    harness = new ShimHarness();
    holderSocket = harness.root.resolve("holder");
    holder = DescriptorHolder.serve(holderSocket);
    handOver();
  }

  @AfterEach
  void stop() throws Exception {
    holder.close();
    harness.close();
  }

  private void handOver() throws Exception {
    harness.shim.sendDescriptors(
        SendDescriptorsRequest.newBuilder().setHolderSocket(holderSocket.toString()).build(),
        ShimHarness.PATIENCE);
  }

  private CreateTaskRequest prepared(boolean tty, String runtime) throws Exception {
    if (bundle == null) {
      bundle = harness.bundle("c1", "sh", "-c", WAITING);
    }
    Files.writeString(
        bundle.resolve("config.json"), harness.config("c1", tty, "sh", "-c", WAITING));
    log = bundle.resolve("out.log");
    return harness
        .request("c1", bundle, runtime)
        .setTerminal(tty)
        .setStdout("cri://" + log)
        .setStderr(tty ? "" : "cri://" + log)
        .build();
  }

  private void created(boolean tty) throws Exception {
    harness.tasks.create(prepared(tty, "runc"), ShimHarness.PATIENCE);
  }

  private void running(boolean tty) throws Exception {
    created(tty);
    harness.start("c1");
    ShimHarness.awaitTrue("the first line", () -> Files.exists(log) && content().contains("begun"));
  }

  private AdoptOutcome killAndAdopt() throws Exception {
    harness.killShim();
    harness.startShim();
    handOver();
    AdoptOutcome outcome = harness.adopt("c1", holderSocket.toString());
    handOver();
    return outcome;
  }

  private void survives() throws Exception {
    AdoptOutcome outcome = killAndAdopt();
    assertTrue(outcome.getAdopted(), outcome.getMessage());
    assertEquals("", outcome.getMessage());
  }

  private void go() throws Exception {
    Files.writeString(bundle.resolve("rootfs/tmp/go"), "");
  }

  private String content() throws Exception {
    return ShimHarness.content(log).replace("\r", "");
  }

  private Status status() throws Exception {
    return harness
        .tasks
        .state(StateRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE)
        .getStatus();
  }

  private void deletedWithoutATrace(int code) throws Exception {
    assertEquals(code, harness.delete("c1").getExitStatus());
    assertFalse(Files.exists(bundle.resolve("retain")));
    assertEquals(java.util.List.of(), ShimHarness.leftOf("c1"));
    assertEquals(0, holder.size());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void creating(boolean tty) throws Exception {
    Path slow =
        harness.script(
            "slow-runc",
            "case \" $* \" in *' create '*) : >"
                + harness.root
                + "/began; sleep 1000 & wait;; esac\nexec runc \"$@\"");
    CreateTaskRequest request = prepared(tty, slow.toString());
    CompletableFuture<Void> lost =
        CompletableFuture.runAsync(
            () ->
                assertThrows(
                    TtrpcException.class,
                    () -> harness.tasks.create(request, ShimHarness.PATIENCE)));
    ShimHarness.awaitTrue("the runtime", () -> Files.exists(harness.root.resolve("began")));
    AdoptOutcome outcome = killAndAdopt();
    lost.join();
    assertFalse(outcome.getAdopted());
    assertTrue(outcome.getMessage().contains("was being created"), outcome.getMessage());
    assertFalse(Files.exists(bundle.resolve("retain")));
    assertEquals(java.util.List.of(), ShimHarness.leftOf("c1"));
    // The id is free again.
    harness.tasks.create(prepared(tty, "runc"), ShimHarness.PATIENCE);
    deletedWithoutATrace(137);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void created_(boolean tty) throws Exception {
    created(tty);
    survives();
    assertEquals(Status.CREATED, status());
    harness.start("c1");
    go();
    assertEquals(7, harness.await("c1", "").getExitStatus());
    assertEquals("begun\ndone\n", content());
    deletedWithoutATrace(7);
  }

  /** A start that its shim did not see the end of goes on by itself. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void starting(boolean tty) throws Exception {
    created(tty);
    Path freezer = ShimHarness.freezerOf("c1");
    Files.writeString(freezer, "FROZEN");
    CompletableFuture<Void> lost =
        CompletableFuture.runAsync(
            () -> assertThrows(TtrpcException.class, () -> harness.start("c1")));
    ShimHarness.awaitTrue("who lets init go", () -> harness.childOpens("exec.fifo"));
    harness.killShim();
    lost.join();
    Files.writeString(freezer, "THAWED");
    harness.startShim();
    handOver();
    AdoptOutcome outcome = harness.adopt("c1", holderSocket.toString());
    assertTrue(outcome.getAdopted(), outcome.getMessage());
    go();
    assertEquals(7, harness.await("c1", "").getExitStatus());
    assertEquals("begun\ndone\n", content());
    deletedWithoutATrace(7);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void running_(boolean tty) throws Exception {
    running(tty);
    survives();
    survives();
    assertEquals(Status.RUNNING, status());
    go();
    assertEquals(7, harness.await("c1", "").getExitStatus());
    assertEquals("begun\ndone\n", content());
    deletedWithoutATrace(7);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void execRunning(boolean tty) throws Exception {
    running(tty);
    Path out = harness.root.resolve("exec.out");
    harness.tasks.exec(
        ExecProcessRequest.newBuilder()
            .setId("c1")
            .setExecId("e1")
            .setTerminal(tty)
            .setStdout("file://" + out)
            .setSpec(
                Any.newBuilder()
                    .setTypeUrl("types.containerd.io/opencontainers/runtime-spec/1/Process")
                    .setValue(
                        com.google.protobuf.ByteString.copyFromUtf8(
                            ShimHarness.processJson(
                                tty,
                                "sh",
                                "-c",
                                "echo one; while [ ! -e /tmp/e ]; do sleep 0.02; done; echo two;"
                                    + " exit 5"))))
            .build(),
        ShimHarness.PATIENCE);
    harness.tasks.start(
        StartRequest.newBuilder().setId("c1").setExecId("e1").build(), ShimHarness.PATIENCE);
    ShimHarness.awaitTrue("its first line", () -> Files.exists(out) && Files.size(out) > 0);
    survives();
    Files.writeString(bundle.resolve("rootfs/tmp/e"), "");
    assertEquals(5, harness.await("c1", "e1").getExitStatus());
    assertEquals("one\ntwo\n", Files.readString(out).replace("\r", ""));
    go();
    assertEquals(7, harness.await("c1", "").getExitStatus());
    deletedWithoutATrace(7);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void paused(boolean tty) throws Exception {
    running(tty);
    harness.tasks.pause(PauseRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE);
    survives();
    assertEquals(Status.PAUSED, status());
    assertThrows(TtrpcException.class, () -> harness.exec("c1", "e1", "", "true"));
    harness.tasks.resume(ResumeRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE);
    go();
    assertEquals(7, harness.await("c1", "").getExitStatus());
    assertEquals("begun\ndone\n", content());
    deletedWithoutATrace(7);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void stopping(boolean tty) throws Exception {
    running(tty);
    harness.kill("c1", 15);
    ShimHarness.awaitTrue("the signal's arrival", () -> content().contains("asked"));
    survives();
    assertEquals(21, harness.await("c1", "").getExitStatus());
    assertEquals("begun\nasked\n", content());
    deletedWithoutATrace(21);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void stopped(boolean tty) throws Exception {
    running(tty);
    go();
    assertEquals(7, harness.await("c1", "").getExitStatus());
    survives();
    assertEquals(Status.STOPPED, status());
    assertEquals(7, harness.await("c1", "").getExitStatus());
    assertEquals("begun\ndone\n", content());
    deletedWithoutATrace(7);
  }
}
