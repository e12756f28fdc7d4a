package dev.retainerd.runtime.shims;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.StdioPaths;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.shim.protocol.ServiceNames;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcCall;
import dev.retainerd.shim.protocol.TtrpcServer;
import dev.retainerd.shim.wire.known.Empty;
import dev.retainerd.shim.wire.task.CreateTaskResponse;
import dev.retainerd.shim.wire.task.StartResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A shim that a daemon of an earlier version has started knows containerd's calls alone. */
class OlderShimTest {
  private final List<String> asked = new CopyOnWriteArrayList<>();
  private Path folder;
  private TtrpcServer server;
  private ShimCalls shim;

  @BeforeEach
  void serve() throws Exception {
    // Short: a socket's path has to fit into 107 bytes.
    folder = Files.createTempDirectory(Path.of("/tmp"), "older");
    server = TtrpcServer.serve(folder.resolve("s"), this::answer);
    shim = TtrpcShim.connect(folder.resolve("s"));
  }

  @AfterEach
  void close() throws Exception {
    server.close();
    Files.delete(folder);
  }

  private void answer(TtrpcCall call) {
    boolean ofTasks = !call.service().equals(ServiceNames.SHIM);
    asked.add(call.method());
    switch (ofTasks ? call.method() : "") {
      case "Create" -> call.answer(CreateTaskResponse.newBuilder().setPid(7).build());
      case "Exec" -> call.answer(Empty.getDefaultInstance());
      case "Start" -> call.answer(StartResponse.newBuilder().setPid(8).build());
      default -> call.fail(StatusCode.UNIMPLEMENTED, call.method() + " is not known");
    }
  }

  private static TaskRequest task() {
    return new TaskRequest(
        "k8s.io",
        "c1",
        Path.of("/bundle"),
        List.of(),
        StdioPaths.getDefaultInstance(),
        Optional.empty(),
        "");
  }

  @Test
  void aContainerIsCreatedAndThenStarted() {
    assertEquals(8, shim.run(task()));
    assertEquals(List.of("Run", "Create", "Start"), asked);
  }

  @Test
  void anOfferIsCreatedAndThenStarted() {
    Path offer = folder.resolve("offer");
    assertEquals(OptionalInt.of(8), shim.offer(task(), offer, () -> false));
    assertEquals(List.of("Offer", "Run", "Create", "Start"), asked);
  }

  @Test
  void anExecIsAddedAndThenStarted() {
    ExecRequest exec =
        new ExecRequest(
            "k8s.io", "c1", "e1", StdioPaths.getDefaultInstance(), Opaque.getDefaultInstance());
    assertEquals(8, shim.runExec(exec));
    assertEquals(List.of("RunExec", "Exec", "Start"), asked);
  }

  @Test
  void anyOtherRefusalIsTheAnswer() throws Exception {
    server.close();
    server =
        TtrpcServer.serve(
            folder.resolve("s"),
            call -> {
              asked.add(call.method());
              call.fail(StatusCode.FAILED_PRECONDITION, "not now");
            });
    shim = TtrpcShim.connect(folder.resolve("s"));
    Refusal refused = assertThrows(Refusal.class, () -> shim.run(task()));
    assertEquals(Refusal.Code.FAILED_PRECONDITION, refused.code());
    assertEquals(List.of("Run"), asked);
  }
}
