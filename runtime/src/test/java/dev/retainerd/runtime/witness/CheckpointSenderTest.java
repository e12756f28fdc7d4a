package dev.retainerd.runtime.witness;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.retainerd.eventlog.checkpoint.Checkpoint;
import dev.retainerd.eventlog.checkpoint.NodeKey;
import dev.retainerd.runtime.image.OwnCertificate;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A second place that fails, hangs, goes away and comes back gets every checkpoint in the end. */
class CheckpointSenderTest {
  private static final CheckpointSender.Patience SHORT =
      new CheckpointSender.Patience(
          Duration.ofMillis(20),
          Duration.ofMillis(400),
          Duration.ofMillis(20),
          Duration.ofMillis(200));

  @TempDir Path dir;
  private final Map<String, String> stored = new TreeMap<>();
  private volatile String mood = "good";
  private HttpServer server;
  private int port;
  private final List<String> written = new ArrayList<>();

  @BeforeEach
  void serve() throws IOException {
    listen(0);
  }

  private void listen(int wanted) throws IOException {
    open(HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), wanted), 0));
  }

  private void open(HttpServer made) {
    server = made;
    port = server.getAddress().getPort();
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", this::answer);
    server.start();
  }

  @AfterEach
  void stop() {
    mood = "good";
    server.stop(0);
  }

  private void answer(HttpExchange call) throws IOException {
    String body = new String(call.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    String now = mood;
    if (now.equals("hanging")) {
      try {
        Thread.sleep(2_000);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    if (now.equals("good")) {
      synchronized (stored) {
        stored.put(call.getRequestMethod() + " " + call.getRequestURI().getPath(), body);
      }
    }
    call.sendResponseHeaders(now.equals("good") ? 201 : 503, -1);
    call.close();
  }

  private CheckpointSender start() throws IOException {
    return start("http", Optional.empty());
  }

  private CheckpointSender start(String scheme, Optional<Path> authority) throws IOException {
    return CheckpointSender.start(
        dir.resolve("checkpoints"),
        dir.resolve("sent"),
        URI.create(scheme + "://127.0.0.1:" + port + "/witness"),
        authority,
        "node-1",
        SHORT);
  }

  private void write(int count) throws IOException {
    NodeKey key = NodeKey.loadOrMake(dir.resolve("keys"), "retainerd/node-1");
    for (int i = 0; i < count; i++) {
      long last = (written.size() + 1) * 10L;
      Checkpoint one =
          key.sign(
              new Checkpoint(
                  "retainerd/node-1", last - 9, last, new byte[32], new byte[32], last, ""));
      Files.writeString(
          dir.resolve("checkpoints"),
          one.text(),
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
      written.add(one.text());
    }
  }

  private static void await(String what, BooleanSupplier holds) {
    long deadline = System.nanoTime() + 30_000_000_000L;
    while (!holds.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadline, what);
      Thread.onSpinWait();
    }
  }

  private void assertAllThere() {
    synchronized (stored) {
      assertEquals(written, List.copyOf(stored.values()));
      assertEquals("PUT /witness/node-1/0000000000000000010", stored.keySet().iterator().next());
    }
  }

  @Test
  void afterFailuresHangsAndAnOutageEveryCheckpointIsThereOnceAndInOrder() throws Exception {
    try (CheckpointSender sender = start()) {
      write(3);
      await("the first three", () -> sender.standing().sentSequence() == 30);
      mood = "failing";
      write(400);
      await("its complaint", () -> sender.standing().failure().contains("answered 503"));
      mood = "hanging";
      await("the hang", () -> sender.standing().failure().contains("timed out"));
      assertEquals(30, sender.standing().sentSequence());
      mood = "good";
      await("all of it", () -> sender.standing().sentSequence() == 4030);
      assertEquals("", sender.standing().failure());
      server.stop(0);
      write(2);
      await("the outage", () -> sender.standing().failure().contains("ConnectException"));
      listen(port);
      await("the rest", () -> sender.standing().sentSequence() == 4050);
      assertAllThere();
    }
  }

  @Test
  void aRestartGoesOnWhereItWasAndANewUrlGetsEverything() throws Exception {
    write(2);
    try (CheckpointSender sender = start()) {
      await("both", () -> sender.standing().sentSequence() == 20);
    }
    stored.clear();
    write(1);
    try (CheckpointSender sender = start()) {
      assertEquals(20, sender.standing().sentSequence());
      await("the third", () -> sender.standing().sentSequence() == 30);
      assertEquals(1, stored.size());
    }
    Files.delete(dir.resolve("sent"));
    try (CheckpointSender sender = start()) {
      await("all three", () -> sender.standing().sentSequence() == 30);
      assertAllThere();
    }
  }

  @Test
  void aCheckpointThatIsHalfWrittenIsNotSentBeforeTheRestIsThere() throws Exception {
    try (CheckpointSender sender = start()) {
      write(1);
      await("the first", () -> sender.standing().sentSequence() == 10);
      NodeKey key = NodeKey.loadOrMake(dir.resolve("keys"), "retainerd/node-1");
      String text =
          key.sign(new Checkpoint("retainerd/node-1", 11, 20, new byte[32], new byte[32], 20, ""))
              .text();
      int half = text.length() / 2;
      Files.writeString(
          dir.resolve("checkpoints"), text.substring(0, half), StandardOpenOption.APPEND);
      Files.writeString(
          dir.resolve("checkpoints"), text.substring(half), StandardOpenOption.APPEND);
      written.add(text);
      await("the second", () -> sender.standing().sentSequence() == 20);
      assertAllThere();
    }
  }

  @Test
  void overHttpsOnlyWhoShowsACertificateOfTheAuthorityGetsThem() throws Exception {
    server.stop(0);
    HttpsServer https =
        HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    https.setHttpsConfigurator(new HttpsConfigurator(OwnCertificate.in(dir)));
    open(https);
    write(2);
    try (CheckpointSender sender = start("https", Optional.empty())) {
      await("its distrust", () -> sender.standing().failure().contains("certification path"));
      assertEquals(Map.of(), stored);
    }
    try (CheckpointSender sender = start("https", Optional.of(dir.resolve("cert.pem")))) {
      await("both", () -> sender.standing().sentSequence() == 20);
      assertAllThere();
    }
    Files.writeString(dir.resolve("empty.pem"), "");
    IOException refused =
        assertThrows(
            IOException.class, () -> start("https", Optional.of(dir.resolve("empty.pem"))));
    assertTrue(refused.getMessage().contains("empty.pem, cannot be used: "), refused.getMessage());
  }

  @Test
  void nothingWaitsForAPlaceThatHangsNotEvenTheEnd() throws Exception {
    mood = "hanging";
    write(5);
    CheckpointSender sender = start();
    await("the hang", () -> !sender.standing().failure().isEmpty());
    long begun = System.nanoTime();
    sender.close();
    assertTrue(System.nanoTime() - begun < 5_000_000_000L);
  }
}
