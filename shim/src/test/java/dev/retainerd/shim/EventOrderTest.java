package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.shim.protocol.ServiceNames;
import dev.retainerd.shim.protocol.TtrpcCall;
import dev.retainerd.shim.protocol.TtrpcServer;
import dev.retainerd.shim.wire.events.Envelope;
import dev.retainerd.shim.wire.events.ForwardRequest;
import dev.retainerd.shim.wire.events.TaskExit;
import dev.retainerd.shim.wire.known.Empty;
import dev.retainerd.shim.wire.task.PauseRequest;
import dev.retainerd.shim.wire.task.ResumeRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The events for a stock containerd: all of them, in the order that it relies on. */
@Tag("real")
class EventOrderTest {
  private final List<Envelope> heard = new CopyOnWriteArrayList<>();
  private Path folder;
  private Path address;
  private TtrpcServer containerd;
  private ShimHarness harness;

  @BeforeEach
  void start() throws Exception {
    folder = Files.createTempDirectory("shim-events-");
    address = folder.resolve("ttrpc");
    containerd = TtrpcServer.serve(address, this::forward);
    harness = new ShimHarness(List.of(), List.of("--ttrpc-address", address.toString()));
  }

  @AfterEach
  void stop() throws Exception {
    harness.close();
    containerd.close();
    Files.deleteIfExists(folder);
  }

  private void forward(TtrpcCall call) {
    assertEquals(ServiceNames.EVENTS, call.service());
    try {
      heard.add(ForwardRequest.parseFrom(call.payload()).getEnvelope());
      call.answer(Empty.getDefaultInstance());
    } catch (com.google.protobuf.InvalidProtocolBufferException e) {
      throw new IllegalStateException(e);
    }
  }

  private List<String> topics() {
    return heard.stream().map(Envelope::getTopic).toList();
  }

  private void hears(String last) throws Exception {
    ShimHarness.awaitTrue(last + ", but " + topics(), () -> topics().contains(last));
  }

  @Test
  void lifeOfAContainerWithAnExec() throws Exception {
    harness.run("c1", "sleep", "1000");
    harness.exec("c1", "e1", "", "sh", "-c", "exit 5");
    harness.await("c1", "e1");
    harness.tasks.pause(PauseRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE);
    harness.tasks.resume(ResumeRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE);
    harness.kill("c1", 9);
    harness.await("c1", "");
    harness.delete("c1");
    hears("/tasks/delete");
    assertEquals(
        List.of(
            "/tasks/create",
            "/tasks/start",
            "/tasks/exec-added",
            "/tasks/exec-started",
            "/tasks/exit",
            "/tasks/paused",
            "/tasks/resumed",
            "/tasks/exit",
            "/tasks/delete"),
        topics());
    assertTrue(heard.stream().allMatch(e -> e.getNamespace().equals(ShimHarness.NAMESPACE)));
    TaskExit ofExec = TaskExit.parseFrom(heard.get(4).getEvent().getValue());
    assertEquals("e1", ofExec.getId());
    assertEquals(5, ofExec.getExitStatus());
    TaskExit ofInit = TaskExit.parseFrom(heard.get(7).getEvent().getValue());
    assertEquals("c1", ofInit.getId());
    assertEquals(137, ofInit.getExitStatus());
  }

  /** However short a life: its exit never overtakes its start. */
  @Test
  void exitNeverOvertakesStart() throws Exception {
    for (int i = 0; i < 10; i++) {
      String id = "q" + i;
      harness.run(id, "true");
      harness.await(id, "");
      harness.delete(id);
      ShimHarness.awaitTrue("its four events", () -> heard.size() == 4);
      assertEquals(
          List.of("/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"), topics());
      heard.clear();
    }
  }

  @Test
  void oomStandsBeforeTheExitItCaused() throws Exception {
    Path bundle = harness.bundle("c1", "tail", "/dev/zero");
    Path config = bundle.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replace("\"linux\":{", "\"linux\":{\"resources\":{\"memory\":{\"limit\":20971520}},"));
    harness.tasks.create(harness.request("c1", bundle).build(), ShimHarness.PATIENCE);
    harness.start("c1");
    assertEquals(137, harness.await("c1", "").getExitStatus());
    harness.delete("c1");
    hears("/tasks/delete");
    List<String> topics = topics();
    assertTrue(topics.contains("/tasks/oom"), topics.toString());
    assertTrue(topics.lastIndexOf("/tasks/oom") < topics.indexOf("/tasks/exit"), topics.toString());
  }

  /** containerd is away: nothing is dropped, and the order stands when it is back. */
  @Test
  void eventsWaitForContainerdToComeBack() throws Exception {
    harness.run("c1", "sleep", "1000");
    hears("/tasks/start");
    containerd.close();
    heard.clear();
    harness.kill("c1", 9);
    harness.await("c1", "");
    harness.delete("c1");
    containerd = TtrpcServer.serve(address, this::forward);
    hears("/tasks/delete");
    assertEquals(List.of("/tasks/exit", "/tasks/delete"), topics());
  }
}
