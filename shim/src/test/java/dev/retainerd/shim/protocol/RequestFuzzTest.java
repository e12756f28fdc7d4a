package dev.retainerd.shim.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.retainerd.shim.container.Containers;
import dev.retainerd.shim.container.ExitJournal;
import dev.retainerd.shim.output.EventLoop;
import dev.retainerd.shim.output.Undelivered;
import dev.retainerd.shim.process.Reaper;
import dev.retainerd.shim.service.EventPublisher;
import dev.retainerd.shim.service.ShimService;
import dev.retainerd.shim.wire.known.Any;
import dev.retainerd.shim.wire.task.CreateTaskRequest;
import dev.retainerd.shim.wire.task.ExecProcessRequest;
import dev.retainerd.shim.wire.ttrpc.Request;
import dev.retainerd.shim.wire.ttrpc.Response;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Every method of every service against arbitrary payloads: an answer comes, the shim lives. */
class RequestFuzzTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final List<String> TASK =
      List.of(
          "State",
          "Create",
          "Start",
          "Delete",
          "Pids",
          "Pause",
          "Resume",
          "Checkpoint",
          "Kill",
          "Exec",
          "ResizePty",
          "CloseIO",
          "Update",
          "Wait",
          "Stats",
          "Connect",
          "Shutdown",
          "NoSuchMethod",
          "");
  private static final List<String> SANDBOX =
      List.of(
          "CreateSandbox",
          "StartSandbox",
          "Platform",
          "StopSandbox",
          "WaitSandbox",
          "SandboxStatus",
          "PingSandbox",
          "ShutdownSandbox",
          "SandboxMetrics",
          "");
  private static final List<String> OWN =
      List.of(
          "Info",
          "Adopt",
          "ReopenLog",
          "LogSettings",
          "Attach",
          "Records",
          "SendDescriptors",
          "ShutdownIfEmpty",
          "Other");

  private static Path folder;
  private static TtrpcServer server;
  private static TtrpcClient client;

  @BeforeContainer
  static void serve() throws IOException {
    folder = Files.createTempDirectory("shim-fuzz-");
    ExitJournal journal = new ExitJournal();
    Containers containers =
        new Containers(
            new EventLoop(),
            new Reaper(),
            journal,
            EventPublisher.start(null),
            new Undelivered(new EventLoop(), folder.resolve("undelivered")),
            folder.resolve("runc").toString(),
            Duration.ofSeconds(5));
    ShimService service = new ShimService(containers, journal, "default", "fuzz", () -> {});
    server = TtrpcServer.serve(folder.resolve("sock"), service);
    client = TtrpcClient.connect(folder.resolve("sock"), () -> {});
  }

  @AfterContainer
  static void close() throws IOException {
    client.close();
    server.close();
    Files.deleteIfExists(folder);
  }

  /** One call with that payload, valid or not, over a connection of its own. */
  private static int ask(String service, String method, byte[] payload) throws IOException {
    try (SocketChannel raw = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      raw.connect(UnixDomainSocketAddress.of(folder.resolve("sock")));
      Request request =
          Request.newBuilder()
              .setService(service)
              .setMethod(method)
              .setPayload(ByteString.copyFrom(payload))
              .build();
      ByteBuffer frame = new Frame(1, Frame.REQUEST, (byte) 0, request.toByteArray()).encode();
      while (frame.hasRemaining()) {
        raw.write(frame);
      }
      Frame answer = new Frame.Reader(raw).next();
      assertEquals(1, answer.stream());
      assertEquals(Frame.RESPONSE, answer.type());
      return Response.parseFrom(answer.data()).getStatus().getCode();
    }
  }

  private static byte[] mutated(byte[] valid, Random random) {
    byte[] bytes = valid.clone();
    for (int i = 0; i < 1 + random.nextInt(4) && bytes.length > 0; i++) {
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
    }
    return java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length + 1));
  }

  @Property(tries = 600)
  void anyPayloadIsAnswered(@ForAll long seed) throws Exception {
    Random random = new Random(seed);
    byte[] payload;
    switch (random.nextInt(4)) {
      case 0 -> {
        payload = new byte[random.nextInt(300)];
        random.nextBytes(payload);
      }
      case 1 ->
          payload =
              mutated(
                  CreateTaskRequest.newBuilder()
                      .setId("c1")
                      .setBundle("/no/such/bundle")
                      .setStdout("/no/such/fifo")
                      .build()
                      .toByteArray(),
                  random);
      case 2 ->
          payload =
              mutated(
                  ExecProcessRequest.newBuilder()
                      .setId("c1")
                      .setExecId("e1")
                      .setSpec(Any.newBuilder().setTypeUrl("x").setValue(ByteString.EMPTY))
                      .build()
                      .toByteArray(),
                  random);
      default -> payload = new byte[0];
    }
    List<String> methods =
        switch (random.nextInt(3)) {
          case 0 -> TASK;
          case 1 -> SANDBOX;
          default -> OWN;
        };
    String service =
        methods == TASK
            ? random.nextBoolean() ? ServiceNames.TASK_V2 : ServiceNames.TASK_V3
            : methods == SANDBOX ? ServiceNames.SANDBOX : ServiceNames.SHIM;
    String method = methods.get(random.nextInt(methods.size()));
    // A sandbox that was made by chance may be waited for: that is no refusal, and takes for ever.
    if (!method.equals("WaitSandbox")) {
      int code = ask(service, method, payload);
      assertNotEquals(StatusCode.INTERNAL.number(), code, method);
    }
    assertTrue(new ShimClient(client).info(PATIENCE).getPid() > 0);
  }

  @Property(tries = 50)
  void unknownServicesAreRefused(@ForAll String service) throws IOException {
    assertEquals(StatusCode.UNIMPLEMENTED.number(), ask("x" + service, "State", new byte[0]));
  }
}
