package dev.retainerd.runtime.scenario;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The JDK's WebSocket client at an address of the stream server; channels as Kubernetes has. */
final class WebSocketClient implements AutoCloseable {
  private static final int SECONDS = 20;
  private static final int CLOSE_CHANNEL = 255;

  private final HttpClient http = HttpClient.newHttpClient();
  private final Map<Integer, ByteArrayOutputStream> channels = new ConcurrentHashMap<>();
  private final CountDownLatch closed = new CountDownLatch(1);
  private final WebSocket socket;

  WebSocketClient(String url, String protocol)
      throws InterruptedException, ExecutionException, TimeoutException {
    socket =
        http.newWebSocketBuilder()
            .subprotocols(protocol)
            .buildAsync(URI.create(url.replace("http:", "ws:")), new Listener())
            .get(SECONDS, TimeUnit.SECONDS);
  }

  private final class Listener implements WebSocket.Listener {
    private final ByteArrayOutputStream partial = new ByteArrayOutputStream();

    @Override
    public CompletionStage<?> onBinary(WebSocket from, ByteBuffer data, boolean last) {
      byte[] bytes = new byte[data.remaining()];
      data.get(bytes);
      partial.writeBytes(bytes);
      if (last) {
        byte[] all = partial.toByteArray();
        partial.reset();
        channels
            .computeIfAbsent((int) all[0], c -> new ByteArrayOutputStream())
            .writeBytes(Arrays.copyOfRange(all, 1, all.length));
      }
      from.request(1);
      return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket from, int code, String reason) {
      closed.countDown();
      return null;
    }

    @Override
    public void onError(WebSocket from, Throwable error) {
      closed.countDown();
    }
  }

  void send(int channel, String text) throws Exception {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    send(ByteBuffer.allocate(bytes.length + 1).put((byte) channel).put(bytes).flip());
  }

  /** Half-closes a channel, as v5 does. */
  void end(int channel) throws Exception {
    send(ByteBuffer.wrap(new byte[] {(byte) CLOSE_CHANNEL, (byte) channel}));
  }

  private void send(ByteBuffer message) throws Exception {
    socket.sendBinary(message, true).get(SECONDS, TimeUnit.SECONDS);
  }

  String text(int channel) {
    return channels
        .getOrDefault(channel, new ByteArrayOutputStream())
        .toString(StandardCharsets.UTF_8);
  }

  void awaitText(int channel, String text) {
    Eventually.holds(
        "\"" + text + "\" on channel " + channel,
        Duration.ofSeconds(SECONDS),
        () -> text(channel).contains(text));
  }

  void awaitClosed() throws InterruptedException, IOException {
    if (!closed.await(SECONDS, TimeUnit.SECONDS)) {
      throw new IOException("not closed; so far " + channels);
    }
  }

  @Override
  public void close() {
    http.shutdownNow();
  }
}
