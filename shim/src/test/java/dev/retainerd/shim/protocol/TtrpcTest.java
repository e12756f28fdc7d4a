package dev.retainerd.shim.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.shim.wire.known.Empty;
import dev.retainerd.shim.wire.task.StateRequest;
import dev.retainerd.shim.wire.ttrpc.Response;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TtrpcTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  @TempDir Path folder;
  private Path socket;
  private TtrpcServer server;
  private TtrpcCall held;

  @BeforeEach
  void serve() throws Exception {
    socket = folder.resolve("sock");
    server = TtrpcServer.serve(socket, this::handle);
  }

  @AfterEach
  void close() {
    server.close();
  }

  private void handle(TtrpcCall call) {
    switch (call.method()) {
      case "echo" -> {
        try {
          call.answer(StateRequest.parseFrom(call.payload()));
        } catch (com.google.protobuf.InvalidProtocolBufferException e) {
          call.fail(StatusCode.INVALID_ARGUMENT, "garbage");
        }
      }
      case "hold" -> held = call;
      case "namespace" -> call.answer(StateRequest.newBuilder().setId(call.namespace()).build());
      default -> call.fail(StatusCode.UNIMPLEMENTED, "no " + call.method());
    }
  }

  private StateRequest call(TtrpcClient client, String method, String id) throws TtrpcException {
    return client.call(
        "s",
        method,
        StateRequest.newBuilder().setId(id).build(),
        Map.of(ServiceNames.NAMESPACE_KEY, "ns1"),
        StateRequest.parser(),
        PATIENCE);
  }

  @Test
  void callsAtOnceGetTheirOwnAnswers() throws Exception {
    try (TtrpcClient client = TtrpcClient.connect(socket, () -> {})) {
      List<CompletableFuture<StateRequest>> answers = new ArrayList<>();
      for (int i = 0; i < 500; i++) {
        StateRequest request = StateRequest.newBuilder().setId("n" + i).build();
        answers.add(client.callAsync("s", "echo", request, Map.of(), StateRequest.parser()));
      }
      for (int i = 0; i < 500; i++) {
        assertEquals("n" + i, answers.get(i).get(20, TimeUnit.SECONDS).getId());
      }
      assertEquals("ns1", call(client, "namespace", "").getId());
      TtrpcException refusal = assertThrows(TtrpcException.class, () -> call(client, "other", ""));
      assertEquals(StatusCode.UNIMPLEMENTED, refusal.code());
    }
  }

  @Test
  void deadlineAndLostConnectionAreToldApart() throws Exception {
    CountDownLatch closed = new CountDownLatch(1);
    TtrpcClient client = TtrpcClient.connect(socket, closed::countDown);
    TtrpcException late =
        assertThrows(
            TtrpcException.class,
            () ->
                client.call(
                    "s",
                    "hold",
                    Empty.getDefaultInstance(),
                    Map.of(),
                    Empty.parser(),
                    Duration.ofMillis(50)));
    assertEquals(StatusCode.DEADLINE_EXCEEDED, late.code());
    // The late answer harms nobody.
    held.answer(Empty.getDefaultInstance());
    assertEquals("x", call(client, "echo", "x").getId());
    CompletableFuture<Empty> open =
        client.callAsync("s", "hold", Empty.getDefaultInstance(), Map.of(), Empty.parser());
    server.close();
    assertTrue(closed.await(20, TimeUnit.SECONDS));
    Exception lost = assertThrows(Exception.class, () -> open.get(20, TimeUnit.SECONDS));
    assertEquals(StatusCode.UNAVAILABLE, ((TtrpcException) lost.getCause()).code());
    assertThrows(TtrpcException.class, () -> call(client, "echo", "x"));
  }

  @Test
  void oversizedFrameIsRefusedAndTheConnectionGoesOn() throws Exception {
    try (SocketChannel raw = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      raw.connect(UnixDomainSocketAddress.of(socket));
      int length = Frame.MAX_DATA_BYTES + 1;
      ByteBuffer frame = ByteBuffer.allocate(Frame.HEADER_BYTES + length);
      frame.putInt(length).putInt(1).put(Frame.REQUEST).put((byte) 0).position(0);
      while (frame.hasRemaining()) {
        raw.write(frame);
      }
      Frame.Reader answers = new Frame.Reader(raw);
      assertEquals(1, answers.next().stream());
      raw.write(new Frame(2, Frame.REQUEST, (byte) 0, new byte[0]).encode());
      assertEquals(2, answers.next().stream());
    }
  }

  /** A frame of a stream that nobody opened, of a kind that only servers send, or of none. */
  @Test
  void frameOfAnUnknownStreamIsRefusedAndTheConnectionGoesOn() throws Exception {
    try (SocketChannel raw = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      raw.connect(UnixDomainSocketAddress.of(socket));
      Frame.Reader answers = new Frame.Reader(raw);
      byte data = 3;
      for (byte type : new byte[] {Frame.RESPONSE, data, 77}) {
        raw.write(new Frame(4711, type, (byte) 0, new byte[] {1, 2, 3}).encode());
        Frame answer = answers.next();
        assertEquals(4711, answer.stream());
        assertEquals(
            StatusCode.INVALID_ARGUMENT.number(),
            Response.parseFrom(answer.data()).getStatus().getCode());
      }
    }
  }

  @Test
  void garbageCostsItsSenderOnly() throws Exception {
    Random random = new Random(11);
    try (TtrpcClient client = TtrpcClient.connect(socket, () -> {})) {
      for (int round = 0; round < 200; round++) {
        try (SocketChannel raw = SocketChannel.open(StandardProtocolFamily.UNIX)) {
          raw.connect(UnixDomainSocketAddress.of(socket));
          byte[] bytes = new byte[random.nextInt(200)];
          random.nextBytes(bytes);
          if (random.nextBoolean() && bytes.length >= Frame.HEADER_BYTES) {
            // A believable header over a payload that is none.
            ByteBuffer.wrap(bytes)
                .putInt(bytes.length - Frame.HEADER_BYTES)
                .putInt(round * 2 + 1)
                .put(Frame.REQUEST);
          }
          ByteBuffer out = ByteBuffer.wrap(bytes);
          while (out.hasRemaining()) {
            raw.write(out);
          }
        }
      }
      assertEquals("alive", call(client, "echo", "alive").getId());
    }
  }
}
