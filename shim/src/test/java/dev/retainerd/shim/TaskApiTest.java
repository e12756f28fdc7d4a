package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.retainerd.shim.protocol.ServiceNames;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.known.Any;
import dev.retainerd.shim.wire.runc.ProcessDetails;
import dev.retainerd.shim.wire.task.ConnectRequest;
import dev.retainerd.shim.wire.task.ConnectResponse;
import dev.retainerd.shim.wire.task.PidsRequest;
import dev.retainerd.shim.wire.task.ProcessInfo;
import dev.retainerd.shim.wire.task.ShutdownRequest;
import dev.retainerd.shim.wire.task.StateRequest;
import dev.retainerd.shim.wire.task.StateResponse;
import dev.retainerd.shim.wire.task.Status;
import dev.retainerd.shim.wire.task.UpdateTaskRequest;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The calls of the task service that no other test is about, and callers that mean harm. */
@Tag("real")
class TaskApiTest {
  private ShimHarness harness;

  @BeforeEach
  void start() throws Exception {
    harness = new ShimHarness();
  }

  @AfterEach
  void stop() throws Exception {
    harness.close();
  }

  private StateResponse state(String service) throws TtrpcException {
    return harness.connection.call(
        service,
        "State",
        StateRequest.newBuilder().setId("c1").build(),
        Map.of(ServiceNames.NAMESPACE_KEY, ShimHarness.NAMESPACE),
        StateResponse.parser(),
        ShimHarness.PATIENCE);
  }

  @Test
  void bothVersionsOfTheServiceAreServed() throws Exception {
    harness.run("c1", "sleep", "1000");
    for (String service : List.of(ServiceNames.TASK_V2, ServiceNames.TASK_V3)) {
      assertEquals(Status.RUNNING, state(service).getStatus(), service);
    }
  }

  @Test
  void pidsAndConnectTellWhoIsThere() throws Exception {
    harness.run("c1", "sleep", "1000");
    harness.exec("c1", "e1", "", "sleep", "1000");
    ConnectResponse connected =
        harness.tasks.connect(
            ConnectRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE);
    assertEquals(harness.process.pid(), connected.getShimPid());
    assertTrue(!connected.getVersion().isEmpty());
    Map<String, Integer> pids = new HashMap<>();
    for (ProcessInfo one :
        harness
            .tasks
            .pids(PidsRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE)
            .getProcessesList()) {
      pids.put(ProcessDetails.parseFrom(one.getInfo().getValue()).getExecId(), one.getPid());
    }
    assertEquals(connected.getTaskPid(), pids.get(""));
    Path ofExec = harness.root.resolve("bundles/c1/retain/exec/e1/pid");
    assertEquals(Integer.parseInt(Files.readString(ofExec).trim()), pids.get("e1"));
    assertEquals(2, pids.size());
  }

  @Test
  void updateReachesTheCgroup() throws Exception {
    harness.run("c1", "sleep", "1000");
    harness.tasks.update(
        UpdateTaskRequest.newBuilder()
            .setId("c1")
            .setResources(
                Any.newBuilder()
                    .setTypeUrl("types.containerd.io/opencontainers/runtime-spec/1/LinuxResources")
                    .setValue(ByteString.copyFromUtf8("{\"pids\":{\"limit\":77}}")))
            .build(),
        ShimHarness.PATIENCE);
    String group = "shim-test-" + ProcessHandle.current().pid() + "/c1/pids.max";
    File limit = new File("/sys/fs/cgroup/pids", group);
    assertEquals("77", Files.readString(limit.exists() ? limit.toPath() : unified(group)).strip());
    TtrpcException refused =
        assertThrows(
            TtrpcException.class,
            () ->
                harness.tasks.update(
                    UpdateTaskRequest.newBuilder()
                        .setId("c1")
                        .setResources(Any.newBuilder().setValue(ByteString.copyFromUtf8("no json")))
                        .build(),
                    ShimHarness.PATIENCE));
    assertTrue(!refused.getMessage().contains("exit status"), refused.getMessage());
    assertEquals(Status.RUNNING, state(ServiceNames.TASK_V2).getStatus());
  }

  private static Path unified(String group) {
    return Path.of("/sys/fs/cgroup", group);
  }

  /** As containerd's shim: it ends when it is told to and nothing lives in it. */
  @Test
  void shutdownEndsAnEmptyShimOnly() throws Exception {
    harness.run("c1", "sleep", "1000");
    ShutdownRequest request = ShutdownRequest.newBuilder().setId("c1").build();
    harness.tasks.shutdown(request, ShimHarness.PATIENCE);
    assertEquals(Status.RUNNING, state(ServiceNames.TASK_V2).getStatus());
    harness.kill("c1", 9);
    harness.await("c1", "");
    harness.delete("c1");
    assertTrue(harness.process.isAlive());
    harness.tasks.shutdown(request, ShimHarness.PATIENCE);
    assertTrue(harness.process.waitFor(20, TimeUnit.SECONDS));
    assertEquals(0, harness.process.exitValue());
  }

  /** Nothing is made of a request that names what cannot be. */
  @Test
  void pathsThatClimbOrHoldANulAreRefused() throws Exception {
    Path bundle = harness.bundle("c1", "true");
    for (String output :
        List.of("cri://relative", "file://", "ftp:///x", "/tmp/a\0b", "cri:///tmp/a%00b")) {
      assertEquals(
          StatusCode.INVALID_ARGUMENT,
          assertThrows(
                  TtrpcException.class,
                  () ->
                      harness.tasks.create(
                          harness.request("c1", bundle).setStdout(output).build(),
                          ShimHarness.PATIENCE))
              .code(),
          output.replace('\0', '?'));
    }
    for (String path : List.of("relative", bundle + "\0", "")) {
      assertEquals(
          StatusCode.INVALID_ARGUMENT,
          assertThrows(
                  TtrpcException.class,
                  () ->
                      harness.tasks.create(
                          harness.request("c1", bundle).setBundle(path).build(),
                          ShimHarness.PATIENCE))
              .code(),
          path.replace('\0', '?'));
    }
    // One that climbs names the folder it leads to, and that is no bundle.
    assertEquals(
        StatusCode.NOT_FOUND,
        assertThrows(
                TtrpcException.class,
                () ->
                    harness.tasks.create(
                        harness.request("c1", bundle).setBundle(bundle + "/../..").build(),
                        ShimHarness.PATIENCE))
            .code());
    harness.run("c2", "sleep", "1000");
    for (String exec : List.of("../e", "e/1", "e\0", ".")) {
      assertEquals(
          StatusCode.INVALID_ARGUMENT,
          assertThrows(TtrpcException.class, () -> harness.exec("c2", exec, "", "true")).code(),
          exec.replace('\0', '?'));
    }
    assertTrue(!Files.exists(bundle.resolve("retain")), "a refused create left something");
    assertEquals(List.of(), ShimHarness.leftOf("c1"));
    assertEquals(1, harness.shim.info(ShimHarness.PATIENCE).getContainersCount());
  }
}
