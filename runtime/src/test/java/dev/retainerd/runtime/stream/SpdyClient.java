package dev.retainerd.runtime.stream;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.spdy.DefaultSpdyDataFrame;
import io.netty.handler.codec.spdy.DefaultSpdyPingFrame;
import io.netty.handler.codec.spdy.DefaultSpdyRstStreamFrame;
import io.netty.handler.codec.spdy.DefaultSpdySynStreamFrame;
import io.netty.handler.codec.spdy.SpdyDataFrame;
import io.netty.handler.codec.spdy.SpdyFrame;
import io.netty.handler.codec.spdy.SpdyFrameCodec;
import io.netty.handler.codec.spdy.SpdyGoAwayFrame;
import io.netty.handler.codec.spdy.SpdyPingFrame;
import io.netty.handler.codec.spdy.SpdyRstStreamFrame;
import io.netty.handler.codec.spdy.SpdyStreamStatus;
import io.netty.handler.codec.spdy.SpdySynReplyFrame;
import io.netty.handler.codec.spdy.SpdyVersion;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * A client as kubectl's: an HTTP upgrade on a socket, then SPDY/3.1 frames without window updates.
 * Reads on a thread of its own; all state is guarded by this.
 */
public final class SpdyClient implements Closeable {
  private static final long DEADLINE_NANOS = 20_000_000_000L;

  private final Socket socket;
  public final String response;
  private final EmbeddedChannel codec =
      new EmbeddedChannel(new SpdyFrameCodec(SpdyVersion.SPDY_3_1));
  private final Map<Integer, ByteArrayOutputStream> received = new HashMap<>();
  private final Set<Integer> replied = new HashSet<>();
  private final Set<Integer> ended = new HashSet<>();
  private final Set<Integer> refused = new HashSet<>();
  private final Set<Integer> pongs = new HashSet<>();
  private boolean away;
  private boolean closed;
  private int next = 1;

  SpdyClient(Socket connected, URI address, String... protocols) throws IOException {
    socket = connected;
    StringBuilder request =
        new StringBuilder("POST " + address.getRawPath() + " HTTP/1.1\r\nHost: x\r\n")
            .append("Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n");
    for (String protocol : protocols) {
      request.append("X-Stream-Protocol-Version: ").append(protocol).append("\r\n");
    }
    socket.getOutputStream().write((request + "\r\n").getBytes(StandardCharsets.US_ASCII));
    response = head(socket.getInputStream());
    Thread.ofVirtual().start(this::read);
  }

  public static SpdyClient open(URI address, String... protocols) throws IOException {
    return new SpdyClient(new Socket(address.getHost(), address.getPort()), address, protocols);
  }

  static String head(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    for (int b = in.read(); b >= 0; b = in.read()) {
      head.write(b);
      if (head.toString(StandardCharsets.US_ASCII).endsWith("\r\n\r\n")) {
        break;
      }
    }
    return head.toString(StandardCharsets.US_ASCII);
  }

  private void read() {
    byte[] buffer = new byte[8192];
    try (InputStream in = socket.getInputStream()) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        synchronized (this) {
          codec.writeInbound(Unpooled.copiedBuffer(buffer, 0, n));
          for (SpdyFrame frame = codec.readInbound(); frame != null; frame = codec.readInbound()) {
            accept(frame);
          }
          notifyAll();
        }
      }
    } catch (IOException e) {
      // The server closed or reset; what came before counts.
      return;
    } finally {
      synchronized (this) {
        closed = true;
        notifyAll();
      }
    }
  }

  private void accept(SpdyFrame frame) {
    switch (frame) {
      case SpdyDataFrame data -> {
        byte[] bytes = new byte[data.content().readableBytes()];
        data.content().readBytes(bytes);
        received
            .computeIfAbsent(data.streamId(), id -> new ByteArrayOutputStream())
            .writeBytes(bytes);
        if (data.isLast()) {
          ended.add(data.streamId());
        }
        data.release();
      }
      case SpdySynReplyFrame reply -> {
        // Without one netty sends no header block at all, and kubectl waits for it for ever.
        if (!reply.headers().isEmpty()) {
          replied.add(reply.streamId());
        }
      }
      case SpdyRstStreamFrame reset -> refused.add(reset.streamId());
      case SpdyPingFrame ping -> pongs.add(ping.id());
      case SpdyGoAwayFrame goodbye -> away = true;
      default -> throw new AssertionError("unexpected frame " + frame);
    }
  }

  private synchronized void send(SpdyFrame frame) throws IOException {
    codec.writeOutbound(frame);
    for (ByteBuf bytes = codec.readOutbound(); bytes != null; bytes = codec.readOutbound()) {
      byte[] copy = new byte[bytes.readableBytes()];
      bytes.readBytes(copy);
      bytes.release();
      socket.getOutputStream().write(copy);
    }
  }

  /** Opens a stream with these headers, given as name, value, name, value. */
  public int stream(String... headers) throws IOException {
    int id;
    synchronized (this) {
      id = next;
      next += 2;
    }
    DefaultSpdySynStreamFrame frame = new DefaultSpdySynStreamFrame(id, 0, (byte) 0);
    for (int i = 0; i < headers.length; i += 2) {
      frame.headers().set(headers[i], headers[i + 1]);
    }
    send(frame);
    return id;
  }

  public void write(int stream, byte[] bytes) throws IOException {
    send(new DefaultSpdyDataFrame(stream, Unpooled.copiedBuffer(bytes)));
  }

  public void end(int stream) throws IOException {
    send(new DefaultSpdyDataFrame(stream, Unpooled.EMPTY_BUFFER).setLast(true));
  }

  public void reset(int stream) throws IOException {
    send(new DefaultSpdyRstStreamFrame(stream, SpdyStreamStatus.CANCEL));
  }

  public void ping(int id) throws IOException {
    send(new DefaultSpdyPingFrame(id));
  }

  private synchronized void await(String what, BooleanSupplier condition)
      throws InterruptedException {
    long end = System.nanoTime() + DEADLINE_NANOS;
    while (!condition.getAsBoolean()) {
      long left = (end - System.nanoTime()) / 1_000_000;
      assertTrue(left > 0, what + " did not happen; closed=" + closed + " " + received);
      wait(left);
    }
  }

  public void awaitReply(int stream) throws InterruptedException {
    await("a reply on " + stream, () -> replied.contains(stream));
  }

  public void awaitRefused(int stream) throws InterruptedException {
    await("a refusal of " + stream, () -> refused.contains(stream));
  }

  public void awaitPong(int id) throws InterruptedException {
    await("a pong", () -> pongs.contains(id));
  }

  public void awaitClosed() throws InterruptedException {
    await("the end of the connection", () -> closed);
  }

  public void awaitAway() throws InterruptedException {
    await("the farewell", () -> away);
  }

  public synchronized void awaitText(int stream, String text) throws InterruptedException {
    await("\"" + text + "\" on " + stream, () -> text(stream).contains(text));
  }

  /** Whether that has come on a stream so far. */
  public synchronized boolean hasText(int stream, String text) {
    return text(stream).contains(text);
  }

  /** All of a stream, once the server has ended it. */
  public byte[] all(int stream) throws InterruptedException {
    await("the end of " + stream, () -> ended.contains(stream));
    synchronized (this) {
      return received.getOrDefault(stream, new ByteArrayOutputStream()).toByteArray();
    }
  }

  public String allText(int stream) throws InterruptedException {
    return new String(all(stream), StandardCharsets.UTF_8);
  }

  private String text(int stream) {
    return received
        .getOrDefault(stream, new ByteArrayOutputStream())
        .toString(StandardCharsets.UTF_8);
  }

  synchronized List<Integer> ended() {
    return List.copyOf(ended);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
