package dev.retainerd.runtime.stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The JDK's own WebSocket client against the server. */
class WebSocketStreamsTest {
  private static final StreamRequest.Streams ALL =
      new StreamRequest.Streams(true, true, true, false);

  private final ShellTargets targets = new ShellTargets();
  private StreamServer server;
  private HttpClient http;

  /** Gathers what comes, by channel. */
  private static final class Messages implements WebSocket.Listener {
    final Map<Integer, ByteArrayOutputStream> channels = new ConcurrentHashMap<>();
    final CountDownLatch closed = new CountDownLatch(1);
    volatile int closeCode;
    private final ByteArrayOutputStream partial = new ByteArrayOutputStream();
    private final StringBuilder partialText = new StringBuilder();

    @Override
    public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer data, boolean last) {
      byte[] bytes = new byte[data.remaining()];
      data.get(bytes);
      partial.writeBytes(bytes);
      if (last) {
        byte[] all = partial.toByteArray();
        partial.reset();
        add(all[0], Arrays.copyOfRange(all, 1, all.length));
      }
      socket.request(1);
      return null;
    }

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
      partialText.append(data);
      if (last) {
        String all = partialText.toString();
        partialText.setLength(0);
        add(all.charAt(0) - '0', Base64.getDecoder().decode(all.substring(1)));
      }
      socket.request(1);
      return null;
    }

    private void add(int channel, byte[] bytes) {
      channels.computeIfAbsent(channel, c -> new ByteArrayOutputStream()).writeBytes(bytes);
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
      closeCode = code;
      closed.countDown();
      return null;
    }

    String text(int channel) {
      return channels
          .getOrDefault(channel, new ByteArrayOutputStream())
          .toString(StandardCharsets.UTF_8);
    }

    void awaitClosed() throws InterruptedException {
      assertTrue(closed.await(20, TimeUnit.SECONDS), "not closed; so far " + channels);
    }
  }

  @BeforeEach
  void start() {
    server = StreamServer.start(targets, StreamServerOptions.loopback());
    http = HttpClient.newHttpClient();
  }

  @AfterEach
  void stop() {
    http.shutdownNow();
    server.close();
  }

  private WebSocket open(URI address, Messages messages, String first, String... others)
      throws Exception {
    return http.newWebSocketBuilder()
        .subprotocols(first, others)
        .buildAsync(URI.create(address.toString().replace("http:", "ws:")), messages)
        .get(20, TimeUnit.SECONDS);
  }

  private URI exec(String... command) {
    return server.address(new StreamRequest.Exec("c1", List.of(command), ALL));
  }

  private static ByteBuffer message(int channel, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(bytes.length + 1).put((byte) channel).put(bytes).flip();
  }

  @Test
  void v5EndsStandardInputByItsCloseMessage() throws Exception {
    Messages messages = new Messages();
    WebSocket socket =
        open(
            exec("sh", "-c", "cat; echo oops >&2; exit 3"),
            messages,
            "v5.channel.k8s.io",
            "v4.channel.k8s.io");
    assertEquals("v5.channel.k8s.io", socket.getSubprotocol());
    socket.sendBinary(message(0, "hello"), true).get(20, TimeUnit.SECONDS);
    socket.sendBinary(ByteBuffer.wrap(new byte[] {(byte) 255, 0}), true).get(20, TimeUnit.SECONDS);
    messages.awaitClosed();
    assertEquals(WebSocket.NORMAL_CLOSURE, messages.closeCode);
    assertEquals("hello", messages.text(1));
    assertEquals("oops\n", messages.text(2));
    assertTrue(messages.text(3).contains("\"message\":\"3\""), messages.text(3));
  }

  @Test
  void v4TellsSuccessAsAStatus() throws Exception {
    Messages messages = new Messages();
    open(exec("echo", "hi"), messages, "v4.channel.k8s.io");
    messages.awaitClosed();
    assertEquals("hi\n", messages.text(1));
    assertEquals("{\"metadata\":{},\"status\":\"Success\"}", messages.text(3));
  }

  @Test
  void base64CarriesBytesAsText() throws Exception {
    Messages messages = new Messages();
    WebSocket socket = open(exec("head", "-c", "3"), messages, "v4.base64.channel.k8s.io");
    String encoded = Base64.getEncoder().encodeToString("\0abc".getBytes());
    socket.sendText("0" + encoded, true).get(20, TimeUnit.SECONDS);
    messages.awaitClosed();
    assertEquals("\0ab", messages.text(1));
  }

  @Test
  void aSlowClientHoldsTheCommandBackAndLosesNothing() throws Exception {
    Messages messages = new Messages();
    open(exec("sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' x"), messages, "v4.channel.k8s.io");
    messages.awaitClosed();
    assertEquals(5_000_000, messages.text(1).length());
  }

  @Test
  void portsAreForwardedByPairsOfChannels() throws Exception {
    try (ServerSocket pod = new ServerSocket(0)) {
      URI address =
          server.address(new StreamRequest.PortForward("s1", List.of(pod.getLocalPort())));
      Messages messages = new Messages();
      WebSocket socket = open(address, messages, "v4.channel.k8s.io");
      socket.sendBinary(message(0, "ping"), true).get(20, TimeUnit.SECONDS);
      try (Socket accepted = pod.accept()) {
        assertEquals("ping", new String(accepted.getInputStream().readNBytes(4)));
        accepted.getOutputStream().write("pong".getBytes());
      }
      messages.awaitClosed();
      byte[] data = messages.channels.get(0).toByteArray();
      assertEquals(pod.getLocalPort(), (data[0] & 0xff) | (data[1] & 0xff) << 8);
      assertEquals("pong", new String(data, 2, data.length - 2));
      assertEquals(2, messages.channels.get(1).size());
    }
  }

  @Test
  void aWrongTokenIsAnHttpErrorNotASocket() {
    URI address = URI.create(exec("true") + "x");
    ExecutionException e =
        assertThrows(
            ExecutionException.class, () -> open(address, new Messages(), "v4.channel.k8s.io"));
    assertTrue(e.getCause().toString().contains("HandshakeException"), e.getCause().toString());
  }
}
