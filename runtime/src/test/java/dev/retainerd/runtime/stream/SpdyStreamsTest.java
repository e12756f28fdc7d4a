package dev.retainerd.runtime.stream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.error.Refusal;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SpdyStreamsTest {
  private static final String V4 = "v4.channel.k8s.io";
  private static final StreamRequest.Streams ALL =
      new StreamRequest.Streams(true, true, true, false);
  private static final StreamRequest.Streams OUT =
      new StreamRequest.Streams(false, true, false, false);

  private final ShellTargets targets = new ShellTargets();
  private StreamServer server;

  @BeforeEach
  void start() {
    server = StreamServer.start(targets, StreamServerOptions.loopback());
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private URI exec(StreamRequest.Streams streams, String... command) {
    return server.address(new StreamRequest.Exec("c1", List.of(command), streams));
  }

  @Test
  void outputErrorsAndExitCodeReachTheClient() throws Exception {
    URI address = exec(ALL, "sh", "-c", "cat; echo oops >&2; exit 7");
    try (SpdyClient client = SpdyClient.open(address, V4, "v3.channel.k8s.io")) {
      assertTrue(client.response.startsWith("HTTP/1.1 101 "), client.response);
      assertTrue(
          client.response.toLowerCase().contains("x-stream-protocol-version: " + V4),
          client.response);
      int error = client.stream("streamtype", "error");
      int stdin = client.stream("streamtype", "stdin");
      int stdout = client.stream("streamtype", "stdout");
      int stderr = client.stream("streamtype", "stderr");
      for (int id : new int[] {error, stdin, stdout, stderr}) {
        client.awaitReply(id);
      }
      client.write(stdin, "hello ".getBytes());
      client.write(stdin, "there".getBytes());
      client.end(stdin);
      assertEquals("hello there", client.allText(stdout));
      assertEquals("oops\n", client.allText(stderr));
      assertEquals(
          "{\"metadata\":{},\"status\":\"Failure\",\"message\":\"command terminated with non-zero"
              + " exit code: exit status 7\",\"reason\":\"NonZeroExitCode\",\"details\":{\"causes\":"
              + "[{\"reason\":\"ExitCode\",\"message\":\"7\"}]}}",
          client.allText(error));
      client.awaitAway();
    }
  }

  @Test
  void successIsAStatusSinceV4AndSilenceBefore() throws Exception {
    try (SpdyClient client = SpdyClient.open(exec(OUT, "true"), V4)) {
      int error = client.stream("streamtype", "error");
      client.stream("streamtype", "stdout");
      assertEquals("{\"metadata\":{},\"status\":\"Success\"}", client.allText(error));
    }
    try (SpdyClient client = SpdyClient.open(exec(OUT, "true"))) {
      int error = client.stream("streamtype", "error");
      client.stream("streamtype", "stdout");
      assertEquals("", client.allText(error));
    }
  }

  @Test
  void tenMegabytesGoThroughUnchangedWithoutWindowUpdates() throws Exception {
    byte[] bytes = new byte[10 << 20];
    new Random(7).nextBytes(bytes);
    StreamRequest.Streams both = new StreamRequest.Streams(true, true, false, false);
    try (SpdyClient client = SpdyClient.open(exec(both, "cat"), V4)) {
      client.stream("streamtype", "error");
      int stdin = client.stream("streamtype", "stdin");
      int stdout = client.stream("streamtype", "stdout");
      for (int i = 0; i < bytes.length; i += 32 << 10) {
        byte[] piece = new byte[32 << 10];
        System.arraycopy(bytes, i, piece, 0, piece.length);
        client.write(stdin, piece);
      }
      client.end(stdin);
      assertArrayEquals(bytes, client.all(stdout));
    }
  }

  @Test
  void aTerminalsSizesReachTheCommandInOrder() throws Exception {
    StreamRequest.Streams tty = new StreamRequest.Streams(true, true, false, true);
    try (SpdyClient client = SpdyClient.open(exec(tty, "cat"), V4)) {
      int error = client.stream("streamtype", "error");
      int stdin = client.stream("streamtype", "stdin");
      client.stream("streamtype", "stdout");
      int resize = client.stream("streamtype", "resize");
      client.awaitReply(resize);
      client.write(resize, "{\"Width\":80,\"Height\":24}\n".getBytes());
      client.write(resize, "{\"Width\":132,\"Hei".getBytes());
      client.write(resize, "ght\":50}{\"Width\":-1,\"Height\":0}\n".getBytes());
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
      while (targets.sizes.size() < 2) {
        assertTrue(System.nanoTime() < end, "sizes so far: " + targets.sizes);
        Thread.onSpinWait();
      }
      assertEquals(new TerminalSize(132, 50), targets.sizes.getLast());
      client.end(stdin);
      client.all(error);
      assertEquals(new TerminalSize(132, 50), targets.sizes.getLast());
    }
  }

  @Test
  void aRefusalIsToldOnTheErrorStream() throws Exception {
    URI address = server.address(new StreamRequest.Exec("c9", List.of("true"), OUT));
    try (SpdyClient client = SpdyClient.open(address, V4)) {
      int error = client.stream("streamtype", "error");
      client.stream("streamtype", "stdout");
      String status = client.allText(error);
      assertTrue(status.contains("\"reason\":\"InternalError\""), status);
      assertTrue(status.contains("container \\\"c9\\\" does not exist"), status);
    }
  }

  @Test
  void attachWritesWhatTheContainerWrites() throws Exception {
    URI address = server.address(new StreamRequest.Attach("c1", OUT));
    try (SpdyClient client = SpdyClient.open(address, V4)) {
      client.stream("streamtype", "error");
      int stdout = client.stream("streamtype", "stdout");
      assertEquals("attached to c1", client.allText(stdout));
    }
  }

  @Test
  void aClientThatGoesAwayEndsTheCommand() throws Exception {
    SpdyClient client = SpdyClient.open(exec(OUT, "sleep", "600"), V4);
    client.stream("streamtype", "error");
    client.awaitReply(client.stream("streamtype", "stdout"));
    client.ping(1);
    client.awaitPong(1);
    client.close();
    assertTrue(targets.clientGone.await(10, TimeUnit.SECONDS));
  }

  @Test
  void streamsThatNobodyAskedForAreRefused() throws Exception {
    try (SpdyClient client = SpdyClient.open(exec(OUT, "true"), V4)) {
      client.awaitRefused(client.stream("streamtype", "stdin"));
      client.awaitRefused(client.stream("streamtype", "magic"));
      client.awaitRefused(client.stream());
      int error = client.stream("streamtype", "error");
      client.awaitRefused(client.stream("streamtype", "error"));
      client.stream("streamtype", "stdout");
      client.all(error);
    }
  }

  @Test
  void aTokenWorksOnceAndOnlyForItsVerb() throws Exception {
    URI address = exec(OUT, "true");
    URI otherVerb = URI.create(address.toString().replace("/exec/", "/attach/"));
    try (SpdyClient client = SpdyClient.open(otherVerb, V4)) {
      assertTrue(client.response.startsWith("HTTP/1.1 404 "), client.response);
    }
    SpdyClient.open(address, V4).close();
    try (SpdyClient client = SpdyClient.open(address, V4)) {
      assertTrue(client.response.startsWith("HTTP/1.1 404 "), client.response);
    }
    try (Socket plain = new Socket(address.getHost(), address.getPort())) {
      plain.getOutputStream().write("GET /exec/x HTTP/1.1\r\nHost: x\r\n\r\n".getBytes());
      String answer = new String(plain.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(answer.startsWith("HTTP/1.1 400 "), answer);
      assertTrue(answer.contains("upgrade to SPDY/3.1"), answer);
    }
  }

  @Test
  void anUnknownProtocolIsRefusedWithOneThatIsKnown() throws Exception {
    try (SpdyClient client = SpdyClient.open(exec(OUT, "true"), "v9.channel.k8s.io")) {
      assertTrue(client.response.startsWith("HTTP/1.1 403 "), client.response);
    }
  }

  @Test
  void aClientThatOpensTooFewStreamsOrIsIdleIsClosed() throws Exception {
    server.close();
    server =
        StreamServer.start(
            targets,
            new StreamServerOptions(
                "127.0.0.1", 0, Duration.ofMillis(800), Duration.ofMillis(300), Optional.empty()));
    try (SpdyClient client = SpdyClient.open(exec(OUT, "true"), V4)) {
      client.stream("streamtype", "error");
      client.awaitClosed();
    }
    try (SpdyClient client = SpdyClient.open(exec(OUT, "sleep", "600"), V4)) {
      client.stream("streamtype", "error");
      client.stream("streamtype", "stdout");
      client.awaitClosed();
    }
    assertTrue(targets.clientGone.await(10, TimeUnit.SECONDS));
  }

  @Test
  void severalConnectionsAreForwardedAtOnceAndHalfClosed() throws Exception {
    try (ServerSocket pod = new ServerSocket(0)) {
      Thread echo =
          Thread.startVirtualThread(
              () -> {
                for (int i = 0; i < 3; i++) {
                  try {
                    Socket one = pod.accept();
                    Thread.startVirtualThread(
                        () -> {
                          try (one) {
                            byte[] all = one.getInputStream().readAllBytes();
                            one.getOutputStream().write("got ".getBytes());
                            one.getOutputStream().write(all);
                          } catch (java.io.IOException e) {
                            throw new AssertionError(e);
                          }
                        });
                  } catch (java.io.IOException e) {
                    return;
                  }
                }
              });
      String port = "" + pod.getLocalPort();
      URI address = server.address(new StreamRequest.PortForward("s1", List.of()));
      try (SpdyClient client = SpdyClient.open(address, "portforward.k8s.io")) {
        int[] data = new int[3];
        int[] error = new int[3];
        for (int i = 0; i < 3; i++) {
          String id = "" + i;
          error[i] = client.stream("streamtype", "error", "port", port, "requestid", id);
          data[i] = client.stream("streamtype", "data", "port", port, "requestid", id);
        }
        for (int i = 2; i >= 0; i--) {
          client.write(data[i], ("n" + i).getBytes());
          client.end(data[i]);
        }
        for (int i = 0; i < 3; i++) {
          assertEquals("got n" + i, client.allText(data[i]));
          assertEquals("", client.allText(error[i]));
        }
      }
      echo.join();
    }
  }

  @Test
  void aPortWhereNobodyListensIsNamedOnTheErrorStream() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    URI address = server.address(new StreamRequest.PortForward("s1", List.of()));
    try (SpdyClient client = SpdyClient.open(address, "portforward.k8s.io")) {
      int error = client.stream("streamtype", "error", "port", "" + port);
      int data = client.stream("streamtype", "data", "port", "" + port);
      String text = client.allText(error);
      assertTrue(text.startsWith("port " + port + " of pod s1: "), text);
      assertEquals("", client.allText(data));
      client.awaitRefused(client.stream("streamtype", "data", "port", "70000"));
    }
  }

  @Test
  void aPodsConnectionIsClosedWhenTheClientDropsTheStream() throws Exception {
    try (ServerSocket pod = new ServerSocket(0)) {
      String port = "" + pod.getLocalPort();
      URI address = server.address(new StreamRequest.PortForward("s1", List.of()));
      try (SpdyClient client = SpdyClient.open(address, "portforward.k8s.io")) {
        client.stream("streamtype", "error", "port", port, "requestid", "0");
        int data = client.stream("streamtype", "data", "port", port, "requestid", "0");
        try (Socket accepted = pod.accept()) {
          accepted.setSoTimeout(10_000);
          accepted.getOutputStream().write("x".getBytes());
          client.awaitText(data, "x");
          client.reset(data);
          assertEquals(-1, accepted.getInputStream().read());
        }
      }
    }
  }

  @Test
  void requestsThatMakeNoSenseGetNoAddress() {
    StreamRequest.Streams none = new StreamRequest.Streams(false, false, false, false);
    StreamRequest.Streams ttyAndError = new StreamRequest.Streams(false, true, true, true);
    assertThrows(Refusal.class, () -> exec(none, "true"));
    assertThrows(Refusal.class, () -> exec(ttyAndError, "true"));
    assertThrows(Refusal.class, () -> exec(OUT));
    assertThrows(
        Refusal.class, () -> server.address(new StreamRequest.PortForward("s", List.of(0))));
    StreamServerOptions noCertificate =
        new StreamServerOptions(
            "127.0.0.1",
            0,
            Duration.ofHours(1),
            Duration.ofSeconds(1),
            Optional.of(new StreamServerOptions.Tls(Path.of("/none.crt"), Path.of("/none.key"))));
    assertThrows(Refusal.class, () -> StreamServer.start(targets, noCertificate));
  }

  @Test
  void addressesExpireAndAreBounded() {
    long[] now = {0};
    Tickets tickets = new Tickets(() -> now[0]);
    StreamRequest request = new StreamRequest.Attach("c", OUT);
    String first = tickets.issue(request);
    for (int i = 1; i < Tickets.MOST; i++) {
      tickets.issue(request);
    }
    assertTrue(
        assertThrows(Refusal.class, () -> tickets.issue(request))
            .is(Refusal.Code.RESOURCE_EXHAUSTED));
    now[0] = Tickets.LIFE.toNanos();
    assertTrue(tickets.redeem("attach", first).isEmpty());
    assertTrue(tickets.redeem("attach", tickets.issue(request)).isPresent());
  }
}
