package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.stream.SpdyClient;
import dev.retainerd.wire.cri.v1.AttachRequest;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ExecRequest;
import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.cri.v1.ExecSyncResponse;
import dev.retainerd.wire.cri.v1.PortForwardRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Exec, attach and port-forward into real containers, by a client that speaks SPDY/3.1 as kubectl
 * does, and ExecSync.
 */
class StreamingTest extends OneNode {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String V4 = "v4.channel.k8s.io";
  private static final String SUCCESS = "{\"metadata\":{},\"status\":\"Success\"}";

  private String idle;

  @BeforeAll
  void startIdle() {
    idle = pods.start(pod, "p", "idle", "trap 'exit 0' TERM; while :; do sleep 0.2; done");
  }

  /** The streams of one command, opened in kubectl's order. */
  private static final class Client implements AutoCloseable {
    final SpdyClient spdy;
    final int error;
    final int stdin;
    final int stdout;
    final int stderr;
    final int resize;

    Client(String url, boolean withStdin, boolean withStderr, boolean terminal) throws IOException {
      spdy = SpdyClient.open(URI.create(url), V4);
      assertTrue(spdy.response.startsWith("HTTP/1.1 101 "), spdy.response);
      error = spdy.stream("streamtype", "error");
      stdin = withStdin ? spdy.stream("streamtype", "stdin") : 0;
      stdout = spdy.stream("streamtype", "stdout");
      stderr = withStderr ? spdy.stream("streamtype", "stderr") : 0;
      resize = terminal ? spdy.stream("streamtype", "resize") : 0;
    }

    @Override
    public void close() throws IOException {
      spdy.close();
    }
  }

  private ExecRequest.Builder command(String... words) {
    return ExecRequest.newBuilder().setContainerId(idle).addAllCmd(List.of(words)).setStdout(true);
  }

  private String url(ExecRequest.Builder request) {
    return node.cri().exec(request.build()).getUrl();
  }

  /** A shell that reads commands from its stdin. */
  private String shell(String name, boolean once, boolean terminal) {
    ContainerConfig config =
        pods.containerConfig(name, "").toBuilder()
            .clearCommand()
            .addCommand("/bin/sh")
            .setStdin(true)
            .setStdinOnce(once)
            .setTty(terminal)
            .build();
    return pods.start(pod, "p", config);
  }

  private String attachUrl(String id, boolean terminal) {
    return node.cri()
        .attach(
            AttachRequest.newBuilder()
                .setContainerId(id)
                .setStdin(true)
                .setStdout(true)
                .setStderr(!terminal)
                .setTty(terminal)
                .build())
        .getUrl();
  }

  @Test
  void execGivesOutputErrorsAndTheExitCode() throws Exception {
    String url = url(command("sh", "-c", "echo out; echo err >&2; exit 7").setStderr(true));
    try (Client client = new Client(url, false, true, false)) {
      assertEquals("out\n", client.spdy.allText(client.stdout));
      assertEquals("err\n", client.spdy.allText(client.stderr));
      String status = client.spdy.allText(client.error);
      assertTrue(status.contains("\"reason\":\"NonZeroExitCode\""), status);
      assertTrue(status.contains("{\"reason\":\"ExitCode\",\"message\":\"7\"}"), status);
    }
  }

  @Test
  void halfCloseEndsTheCommandsInputAndAMegabyteComesBackWhole() throws Exception {
    try (Client client = new Client(url(command("cat").setStdin(true)), true, false, false)) {
      byte[] piece = "0123456789abcdef".repeat(2048).getBytes(StandardCharsets.US_ASCII);
      for (int i = 0; i < 32; i++) {
        client.spdy.write(client.stdin, piece);
      }
      client.spdy.end(client.stdin);
      byte[] back = client.spdy.all(client.stdout);
      assertEquals(32 * piece.length, back.length);
      assertEquals(SUCCESS, client.spdy.allText(client.error));
    }
  }

  @Test
  void terminalHasASizeEchoesAndEndsWithItsCode() throws Exception {
    String url = url(command("/bin/sh").setStdin(true).setTty(true));
    try (Client client = new Client(url, true, false, true)) {
      client.spdy.write(client.resize, "{\"Width\":97,\"Height\":31}\n".getBytes());
      client.spdy.write(
          client.stdin, "until stty size | grep '31 97'; do :; done; tty\n".getBytes());
      client.spdy.awaitText(client.stdout, "31 97\r\n");
      client.spdy.awaitText(client.stdout, "/dev/pts/");
      client.spdy.write(client.stdin, "exit 5\n".getBytes());
      assertTrue(client.spdy.allText(client.error).contains("\"message\":\"5\""));
    }
  }

  @Test
  void hangUpEndsTheTerminalOfAClientThatIsGone() throws Exception {
    String url = url(command("sh", "-c", "echo $$; exec sleep 1000").setStdin(true).setTty(true));
    try (Client client = new Client(url, true, false, true)) {
      client.spdy.awaitText(client.stdout, "\n");
    }
    Eventually.holds(
        "the end of the command", PATIENCE, () -> !execSync("ps").contains("sleep 1000"));
  }

  @Test
  void attachTalksToTheFirstProcessAndTheLogGoesOn() throws Exception {
    String id = shell("shell", true, false);
    try (Client client = new Client(attachUrl(id, false), true, true, false)) {
      client.spdy.awaitReply(client.stdout);
      client.spdy.write(client.stdin, "echo hello; echo wrong >&2\n".getBytes());
      client.spdy.awaitText(client.stdout, "hello\n");
      client.spdy.awaitText(client.stderr, "wrong\n");
      // stdin_once: the end of this client's input is the end of the shell.
      client.spdy.end(client.stdin);
      assertEquals("hello\n", client.spdy.allText(client.stdout));
      assertEquals(SUCCESS, client.spdy.allText(client.error));
    }
    Eventually.holds(
        "the end of the shell",
        PATIENCE,
        () -> pods.status(id).getState() == ContainerState.CONTAINER_EXITED);
    String log = String.join("\n", pods.log("p", "shell"));
    assertTrue(log.contains("stdout F hello") && log.contains("stderr F wrong"), log);
  }

  @Test
  void attachLeavesTheShellToTheNextClientAndOutlivesItsShim() throws Exception {
    String id = shell("shared", false, true);
    try (Client client = new Client(attachUrl(id, true), true, false, true)) {
      client.spdy.write(client.stdin, "x=41\n".getBytes());
      client.spdy.awaitText(client.stdout, "x=41");
    }
    try (Client client = new Client(attachUrl(id, true), true, false, true);
        Client other = new Client(attachUrl(id, true), true, false, true)) {
      other.spdy.awaitReply(other.stdout);
      client.spdy.write(client.stdin, "echo $((x+1)).\n".getBytes());
      client.spdy.awaitText(client.stdout, "42.");
      other.spdy.awaitText(other.stdout, "42.");
      Host.kill9(Host.parentOf(pods.pid(id)));
      Eventually.holds(
          "an answer through the next shim",
          PATIENCE,
          () -> {
            client.spdy.write(client.stdin, "echo $((x+2)).\n".getBytes());
            return client.spdy.hasText(client.stdout, "43.");
          });
      client.spdy.write(client.stdin, "exit 3\n".getBytes());
      client.spdy.all(client.stdout);
    }
    assertEquals(3, pods.status(id).getExitCode());
  }

  @Test
  void portForwardReachesAPortOfThePodsOwnLoopback() throws Exception {
    String server =
        pods.start(pod, "p", "server", "while :; do echo pong | nc -l -p 7007 127.0.0.1; done");
    String url =
        node.cri()
            .portForward(PortForwardRequest.newBuilder().setPodSandboxId(pod).addPort(7007).build())
            .getUrl();
    try (SpdyClient client = SpdyClient.open(URI.create(url), "portforward.k8s.io")) {
      Eventually.holds(
          "a connection",
          PATIENCE,
          () -> {
            String request = "" + System.nanoTime();
            String[] headers = {"port", "7007", "requestid", request, "streamtype", ""};
            headers[5] = "error";
            int error = client.stream(headers);
            headers[5] = "data";
            int data = client.stream(headers);
            client.end(error);
            client.write(data, "ping".getBytes());
            client.end(data);
            return client.allText(data).equals("pong\n");
          });
      String[] headers = {"port", "7008", "requestid", "last", "streamtype", "error"};
      int error = client.stream(headers);
      headers[5] = "data";
      client.stream(headers);
      assertTrue(client.allText(error).contains("nobody listens on 127.0.0.1:7008"));
    }
    pods.stop(server, 0);
    pods.remove(server);
  }

  @Test
  void execOverWebSocketHalfClosesAndTellsTheCode() throws Exception {
    String url =
        url(command("sh", "-c", "cat; echo err >&2; exit 4").setStdin(true).setStderr(true));
    try (WebSocketClient client = new WebSocketClient(url, "v5.channel.k8s.io")) {
      client.send(0, "hello");
      client.end(0);
      client.awaitClosed();
      assertEquals("hello", client.text(1));
      assertEquals("err\n", client.text(2));
      assertTrue(client.text(3).contains("\"message\":\"4\""), client.text(3));
    }
  }

  @Test
  void terminalOverWebSocketHasASize() throws Exception {
    String url = url(command("/bin/sh").setStdin(true).setTty(true));
    try (WebSocketClient client = new WebSocketClient(url, "v4.channel.k8s.io")) {
      client.send(4, "{\"Width\":88,\"Height\":22}");
      client.send(0, "until stty size | grep '22 88'; do :; done\n");
      client.awaitText(1, "22 88\r\n");
      client.send(0, "exit 6\n");
      client.awaitClosed();
      assertTrue(client.text(3).contains("\"message\":\"6\""), client.text(3));
    }
  }

  @Test
  void attachOverWebSocketTalksToTheFirstProcess() throws Exception {
    String id = shell("websocket", true, false);
    try (WebSocketClient client = new WebSocketClient(attachUrl(id, false), "v5.channel.k8s.io")) {
      client.send(0, "echo hello\n");
      client.awaitText(1, "hello\n");
      client.end(0);
      client.awaitClosed();
      assertEquals(SUCCESS, client.text(3));
    }
  }

  @Test
  void portForwardOverWebSocketReachesThePod() throws Exception {
    String server =
        pods.start(pod, "p", "ws-server", "while :; do echo pong | nc -l -p 7017 127.0.0.1; done");
    Eventually.holds(
        "an answer",
        PATIENCE,
        () -> {
          String url =
              node.cri()
                  .portForward(
                      PortForwardRequest.newBuilder().setPodSandboxId(pod).addPort(7017).build())
                  .getUrl();
          try (WebSocketClient client = new WebSocketClient(url, "v4.channel.k8s.io")) {
            client.send(0, "ping");
            client.awaitClosed();
            return client.text(0).endsWith("pong\n");
          }
        });
    pods.stop(server, 0);
    pods.remove(server);
  }

  @Test
  void wrongAndUsedAddressesAreRefused() throws Exception {
    String url = url(command("true"));
    try (Client client = new Client(url, false, false, false)) {
      assertEquals(SUCCESS, client.spdy.allText(client.error));
    }
    for (String address : List.of(url, url + "x", url.replace("/exec/", "/attach/"))) {
      try (SpdyClient client = SpdyClient.open(URI.create(address), V4)) {
        assertTrue(client.response.startsWith("HTTP/1.1 404 "), client.response);
      }
    }
  }

  @Test
  void containersThatDoNotRunHaveNoStreams() {
    String created = pods.create(pod, "p", "created", "true");
    refused(Status.Code.FAILED_PRECONDITION, () -> url(command("true").setContainerId(created)));
    refused(Status.Code.FAILED_PRECONDITION, () -> attachUrl(created, false));
    refused(Status.Code.NOT_FOUND, () -> url(command("true").setContainerId("nobody")));
    refused(Status.Code.INVALID_ARGUMENT, () -> url(command("true").setContainerId("")));
    refused(Status.Code.INVALID_ARGUMENT, () -> url(command().setStdout(true)));
    refused(Status.Code.INVALID_ARGUMENT, () -> url(command("true").setStdout(false)));
    refused(
        Status.Code.NOT_FOUND,
        () ->
            node.cri()
                .portForward(PortForwardRequest.newBuilder().setPodSandboxId("none").build()));
    pods.remove(created);
  }

  private static void refused(Status.Code code, Runnable call) {
    try {
      call.run();
    } catch (StatusRuntimeException e) {
      assertEquals(code, e.getStatus().getCode(), e.getStatus().getDescription());
      return;
    }
    throw new AssertionError("not refused with " + code);
  }

  private ExecSyncResponse exec(int seconds, String... words) {
    return node.cri()
        .execSync(
            ExecSyncRequest.newBuilder()
                .setContainerId(idle)
                .addAllCmd(List.of(words))
                .setTimeout(seconds)
                .build());
  }

  private String execSync(String... words) {
    return exec(20, words).getStdout().toStringUtf8();
  }

  @Test
  void execSyncAnswersBothStreamsAndTheCode() {
    ExecSyncResponse answer = exec(20, "sh", "-c", "echo out; echo err >&2; exit 9");
    assertEquals("out\n", answer.getStdout().toStringUtf8());
    assertEquals("err\n", answer.getStderr().toStringUtf8());
    assertEquals(9, answer.getExitCode());
  }

  @Test
  void execSyncThatTakesTooLongIsKilled() {
    refused(Status.Code.DEADLINE_EXCEEDED, () -> exec(1, "sleep", "4321"));
    String processes = execSync("ps");
    assertTrue(!processes.contains("sleep 4321"), processes);
  }

  @Test
  void execSyncKeepsSixteenMebibytesAndDropsTheRest() {
    // gRPC's own client takes 4 MiB unless it is told otherwise.
    ExecSyncResponse answer =
        node.cri()
            .withMaxInboundMessageSize(40 << 20)
            .execSync(
                ExecSyncRequest.newBuilder()
                    .setContainerId(idle)
                    .addAllCmd(List.of("sh", "-c", "head -c 20000000 /dev/zero"))
                    .setTimeout(50)
                    .build());
    assertEquals(16 << 20, answer.getStdout().size());
    assertEquals(0, answer.getExitCode());
  }

  @Test
  void commandsOfAKilledDaemonAreEndedByTheNext() throws Exception {
    try (Client client = new Client(url(command("sleep", "9876")), false, false, false)) {
      Eventually.holds("the command", PATIENCE, () -> execSync("ps").contains("sleep 9876"));
      node.killDaemon();
      client.spdy.awaitClosed();
    } finally {
      node.start();
    }
    Eventually.holds("its end", PATIENCE, () -> !execSync("ps").contains("sleep 9876"));
    Eventually.holds(
        "nothing left in the state's exec folder",
        PATIENCE,
        () -> node.state().resolve("exec").toFile().list().length == 0);
  }
}
