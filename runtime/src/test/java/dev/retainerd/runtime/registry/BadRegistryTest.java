package dev.retainerd.runtime.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.retainerd.runtime.error.Refusal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A registry in every mood, on loopback. */
class BadRegistryTest {
  private static final byte[] MANIFEST = "{\"schemaVersion\":2}".getBytes(StandardCharsets.UTF_8);
  private static final byte[] BLOB = new byte[300_000];

  static {
    new Random(7).nextBytes(BLOB);
  }

  private final RegistryClients clients = new RegistryClients();
  private HttpServer server;
  private String host;
  private volatile Behaviour behaviour = exchange -> send(exchange, 500, new byte[0]);

  private interface Behaviour {
    void answer(HttpExchange exchange) throws IOException;
  }

  @BeforeEach
  void start() throws IOException {
    server = serve(exchange -> behaviour.answer(exchange));
    host = "127.0.0.1:" + server.getAddress().getPort();
  }

  private static HttpServer serve(Behaviour behaviour) throws IOException {
    HttpServer made =
        HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 0);
    made.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    made.createContext(
        "/",
        exchange -> {
          try (exchange) {
            behaviour.answer(exchange);
          }
        });
    made.start();
    return made;
  }

  @AfterEach
  void stop() {
    clients.close();
    server.stop(0);
  }

  private static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    if (body.length > 0) {
      exchange.getResponseBody().write(body);
    }
  }

  private Repository repository(Credentials credentials) {
    return Repository.open(
        clients,
        RegistryHosts.of(List.of()),
        Reference.normalized(host + "/app:v1"),
        credentials,
        Duration.ofSeconds(2));
  }

  private Refusal refused() {
    return assertThrows(Refusal.class, () -> repository(Credentials.ANONYMOUS).resolve());
  }

  private static String digest(byte[] bytes) {
    try {
      return "sha256:"
          + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private static final class Sink implements BlobSink {
    final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    @Override
    public long offset() {
      return bytes.size();
    }

    @Override
    public void write(ByteBuffer part) {
      byte[] copy = new byte[part.remaining()];
      part.get(copy);
      bytes.writeBytes(copy);
    }

    @Override
    public void restart() {
      bytes.reset();
    }
  }

  private Sink fetch() {
    Sink sink = new Sink();
    repository(Credentials.ANONYMOUS).blob(digest(BLOB), BLOB.length, sink);
    return sink;
  }

  @ParameterizedTest
  @CsvSource({
    "401, PERMISSION_DENIED",
    "403, PERMISSION_DENIED",
    "404, NOT_FOUND",
    "418, UNAVAILABLE",
    "500, UNAVAILABLE",
    "503, UNAVAILABLE"
  })
  void aRefusalBecomesItsCodeAndOneSentence(int status, Refusal.Code code) {
    byte[] error =
        "{\"errors\":[{\"code\":\"X\",\"message\":\"the reason\"}]}"
            .getBytes(StandardCharsets.UTF_8);
    behaviour =
        exchange -> {
          exchange.getResponseHeaders().add("Retry-After", "0");
          send(exchange, status, error);
        };
    Refusal refusal = refused();
    assertEquals(code, refusal.code(), refusal.sentence());
    assertTrue(refusal.sentence().contains("the reason"), refusal.sentence());
    assertTrue(refusal.sentence().contains(host), refusal.sentence());
  }

  @Test
  void tooManyRequestsAreWaitedOutAsTheServerAsks() {
    AtomicInteger asked = new AtomicInteger();
    behaviour =
        exchange -> {
          if (asked.incrementAndGet() == 1) {
            exchange.getResponseHeaders().add("Retry-After", "1");
            send(exchange, 429, new byte[0]);
          } else {
            send(exchange, 200, MANIFEST);
          }
        };
    long began = System.nanoTime();
    assertEquals(digest(MANIFEST), repository(Credentials.ANONYMOUS).resolve().digest());
    assertTrue(System.nanoTime() - began >= Duration.ofSeconds(1).toNanos());
  }

  @Test
  void aServerThatWantsUsToComeBackTomorrowIsNotWaitedFor() {
    behaviour =
        exchange -> {
          exchange.getResponseHeaders().add("Retry-After", "86400");
          send(exchange, 429, new byte[0]);
        };
    Refusal refusal = refused();
    assertEquals(Refusal.Code.UNAVAILABLE, refusal.code());
    assertTrue(refusal.sentence().contains("429"), refusal.sentence());
  }

  @Test
  void aWebPageIsNoManifest() {
    behaviour =
        exchange -> {
          exchange.getResponseHeaders().add("Content-Type", "text/html; charset=utf-8");
          send(exchange, 200, "<html>".getBytes(StandardCharsets.UTF_8));
        };
    assertTrue(refused().sentence().contains("web page"));
  }

  @Test
  void aManifestWithoutEndIsCutOff() {
    behaviour =
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          byte[] block = new byte[1 << 20];
          for (int i = 0; i < 64; i++) {
            exchange.getResponseBody().write(block);
          }
        };
    assertEquals(Refusal.Code.FAILED_PRECONDITION, refused().code());
  }

  @Test
  void aManifestWithAnotherDigestIsNotTaken() {
    behaviour = exchange -> send(exchange, 200, MANIFEST);
    Refusal refusal =
        assertThrows(
            Refusal.class,
            () -> repository(Credentials.ANONYMOUS).manifest(digest(new byte[] {1})));
    assertEquals(Refusal.Code.FAILED_PRECONDITION, refusal.code());
  }

  @Test
  void aBlobGoesOnWhereItsConnectionBroke() {
    AtomicInteger asked = new AtomicInteger();
    AtomicInteger sent = new AtomicInteger();
    behaviour =
        exchange -> {
          asked.incrementAndGet();
          String range = exchange.getRequestHeaders().getFirst("Range");
          int from = range == null ? 0 : Integer.parseInt(range.substring(6, range.length() - 1));
          int to = Math.min(BLOB.length, from + 100_000);
          sent.addAndGet(to - from);
          exchange.sendResponseHeaders(from == 0 ? 200 : 206, BLOB.length - from);
          exchange.getResponseBody().write(BLOB, from, to - from);
          exchange.getResponseBody().flush();
        };
    assertArrayEquals(BLOB, fetch().bytes.toByteArray());
    assertEquals(BLOB.length, sent.get());
    assertEquals(3, asked.get());
  }

  @Test
  void aServerThatIgnoresRangesBeginsAgain() {
    AtomicInteger asked = new AtomicInteger();
    behaviour =
        exchange -> {
          exchange.sendResponseHeaders(200, BLOB.length);
          int bytes = asked.incrementAndGet() == 1 ? 1000 : BLOB.length;
          exchange.getResponseBody().write(BLOB, 0, bytes);
          exchange.getResponseBody().flush();
        };
    assertArrayEquals(BLOB, fetch().bytes.toByteArray());
  }

  @Test
  void aBlobWithoutEndIsCutOff() {
    behaviour =
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          OutputStream body = exchange.getResponseBody();
          body.write(BLOB);
          body.write(BLOB);
        };
    Refusal refusal = assertThrows(Refusal.class, this::fetch);
    assertEquals(Refusal.Code.FAILED_PRECONDITION, refusal.code(), refusal.sentence());
  }

  @Test
  void aServerThatSendsNothingMoreIsGivenUp() {
    behaviour =
        exchange -> {
          exchange.sendResponseHeaders(200, BLOB.length);
          exchange.getResponseBody().flush();
          try {
            Thread.sleep(30_000);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        };
    Refusal refusal = assertThrows(Refusal.class, this::fetch);
    assertEquals(Refusal.Code.UNAVAILABLE, refusal.code(), refusal.sentence());
  }

  @Test
  void nobodyListeningIsSaidSo() {
    server.stop(0);
    Refusal refusal = refused();
    assertEquals(Refusal.Code.UNAVAILABLE, refusal.code());
    assertTrue(refusal.sentence().contains("refused"), refusal.sentence());
  }

  @Test
  void basicCredentialsAreShownWhenAskedFor() {
    behaviour =
        exchange -> {
          String shown = exchange.getRequestHeaders().getFirst("Authorization");
          if ("Basic bWU6c2VjcmV0".equals(shown)) {
            send(exchange, 200, MANIFEST);
          } else {
            exchange.getResponseHeaders().add("WWW-Authenticate", "Basic realm=\"r\"");
            send(exchange, 401, new byte[0]);
          }
        };
    assertEquals(
        digest(MANIFEST), repository(Credentials.basic("me", "secret")).resolve().digest());
    assertEquals(Refusal.Code.PERMISSION_DENIED, refused().code());
    assertEquals(
        Refusal.Code.PERMISSION_DENIED,
        assertThrows(Refusal.class, () -> repository(Credentials.basic("me", "wrong")).resolve())
            .code());
  }

  @Test
  void aTokenIsFetchedOnceAndShown() {
    AtomicInteger tokens = new AtomicInteger();
    AtomicReference<String> query = new AtomicReference<>("");
    behaviour =
        exchange -> {
          if (exchange.getRequestURI().getPath().equals("/token")) {
            tokens.incrementAndGet();
            query.set(exchange.getRequestURI().getQuery());
            send(exchange, 200, "{\"token\":\"T\"}".getBytes(StandardCharsets.UTF_8));
          } else if ("Bearer T".equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
            send(exchange, 200, MANIFEST);
          } else {
            exchange
                .getResponseHeaders()
                .add(
                    "WWW-Authenticate",
                    "Bearer realm=\"http://"
                        + host
                        + "/token\",service=\"s\",scope=\"repository:app:pull\"");
            send(exchange, 401, new byte[0]);
          }
        };
    Repository repository = repository(Credentials.ANONYMOUS);
    repository.resolve();
    repository.resolve();
    assertEquals(1, tokens.get());
    assertEquals("service=s&scope=repository:app:pull", query.get());
  }

  @Test
  void credentialsAreNotShownToWhereARedirectLeads() throws IOException {
    AtomicReference<String> shown = new AtomicReference<>();
    HttpServer elsewhere =
        serve(
            exchange -> {
              shown.set(exchange.getRequestHeaders().getFirst("Authorization"));
              send(exchange, 200, BLOB);
            });
    try {
      String to = "http://127.0.0.1:" + elsewhere.getAddress().getPort() + "/cdn";
      behaviour =
          exchange -> {
            if (exchange.getRequestHeaders().getFirst("Authorization") == null) {
              exchange.getResponseHeaders().add("WWW-Authenticate", "Basic realm=\"r\"");
              send(exchange, 401, new byte[0]);
            } else {
              exchange.getResponseHeaders().add("Location", to);
              send(exchange, 307, new byte[0]);
            }
          };
      Sink sink = new Sink();
      repository(Credentials.basic("me", "secret")).blob(digest(BLOB), BLOB.length, sink);
      assertTrue(Arrays.equals(BLOB, sink.bytes.toByteArray()));
      assertNull(shown.get());
    } finally {
      elsewhere.stop(0);
    }
  }
}
