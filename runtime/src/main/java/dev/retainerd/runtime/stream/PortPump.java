package dev.retainerd.runtime.stream;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;

/**
 * One forwarded connection: bytes of the data stream to a port inside of the pod and back, on two
 * virtual threads; what goes wrong is told on the error stream.
 */
record PortPump(
    StreamTargets targets, String sandboxId, int port, ClientStream data, ClientStream error) {
  private static final int BUFFER_BYTES = 32 << 10;

  void start(Runnable atEnd) {
    Thread.ofVirtual()
        .name("port-forward " + port)
        .start(
            () -> {
              try {
                run();
              } finally {
                close();
                atEnd.run();
              }
            });
  }

  private void run() {
    try (ByteChannel target = targets.dial(sandboxId, port)) {
      data.gone().thenRun(() -> Thread.startVirtualThread(() -> abandon(target)));
      Thread upstream = Thread.startVirtualThread(() -> toTarget(target));
      try {
        fromTarget(target);
      } finally {
        // The pod has said all it will: what the client still sends has no reader.
        data.input().close();
        upstream.interrupt();
      }
    } catch (Refusal e) {
      tell(e.sentence());
    } catch (IOException e) {
      tell("port " + port + " of pod " + sandboxId + ": " + e.getMessage());
    }
  }

  private void toTarget(ByteChannel target) {
    byte[] buffer = new byte[BUFFER_BYTES];
    try {
      for (int n = data.input().read(buffer, 0, buffer.length);
          n >= 0;
          n = data.input().read(buffer, 0, buffer.length)) {
        ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, n);
        while (bytes.hasRemaining()) {
          target.write(bytes);
        }
      }
      if (target instanceof SocketChannel socket) {
        socket.shutdownOutput();
      }
    } catch (IOException e) {
      // The pod's side broke or is closed: the other direction ends as well and tells it.
      data.input().close();
    }
  }

  /** Without a client nobody ends the target's side, which may never end by itself. */
  private static void abandon(ByteChannel target) {
    try {
      target.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void fromTarget(ByteChannel target) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
    while (target.read(buffer) >= 0) {
      data.output().write(buffer.array(), 0, buffer.position());
      buffer.clear();
    }
  }

  private void tell(String sentence) {
    try {
      error.output().write(sentence.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      // The client is gone as well, so nobody wants to know.
      error.input().close();
    }
  }

  private void close() {
    try {
      data.output().close();
      error.output().close();
    } catch (IOException e) {
      throw new AssertionError("closing a stream only queues a frame", e);
    }
    data.input().close();
    error.input().close();
  }
}
