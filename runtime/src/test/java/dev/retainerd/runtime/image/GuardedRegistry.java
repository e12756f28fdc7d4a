package dev.retainerd.runtime.image;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLParameters;

/**
 * A door before a real registry: it asks for a password, or for a token of its own token server
 * that allows what is done, and speaks TLS with a certificate of its own where it is told to.
 */
final class GuardedRegistry implements AutoCloseable {
  static final String USER = "who";
  static final String PASSWORD = "s3cret";
  private static final String BASIC =
      "Basic "
          + Base64.getEncoder()
              .encodeToString((USER + ":" + PASSWORD).getBytes(StandardCharsets.UTF_8));

  enum Guard {
    NONE,
    BASIC,
    TOKEN
  }

  final String host;
  final List<String> scopes = new CopyOnWriteArrayList<>();
  private final Map<String, String> tokens = new ConcurrentHashMap<>();
  private final Guard guard;
  private final boolean tls;
  private final String behind;
  private final HttpServer server;
  private final HttpClient client = HttpClient.newHttpClient();

  GuardedRegistry(String behind, Guard guard) throws Exception {
    this(behind, guard, null);
  }

  /**
   * @param certificates a folder to make {@code cert.pem} in, for TLS; null for plain HTTP
   */
  GuardedRegistry(String behind, Guard guard, Path certificates) throws Exception {
    this(behind, guard, certificates, false);
  }

  /**
   * @param asks whether a client must show the certificate, too
   */
  GuardedRegistry(String behind, Guard guard, Path certificates, boolean asks) throws Exception {
    this.behind = behind;
    this.guard = guard;
    this.tls = certificates != null;
    InetSocketAddress any = new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0);
    if (tls) {
      HttpsServer https = HttpsServer.create(any, 0);
      https.setHttpsConfigurator(
          new HttpsConfigurator(OwnCertificate.in(certificates)) {
            @Override
            public void configure(HttpsParameters parameters) {
              SSLParameters wanted = getSSLContext().getDefaultSSLParameters();
              wanted.setNeedClientAuth(asks);
              parameters.setSSLParameters(wanted);
            }
          });
      server = https;
    } else {
      server = HttpServer.create(any, 0);
    }
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", this::answer);
    server.start();
    host = "127.0.0.1:" + server.getAddress().getPort();
  }

  /** What clients sent with their requests, in order. */
  final List<Headers> seen = new CopyOnWriteArrayList<>();

  private void answer(HttpExchange exchange) throws IOException {
    seen.add(exchange.getRequestHeaders());
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      if (path.equals("/token")) {
        token(exchange);
      } else if (isAllowed(exchange)) {
        forward(exchange);
      } else {
        // Read what comes: a client in the middle of an upload must be able to hear the answer.
        exchange.getRequestBody().readAllBytes();
        exchange.getResponseHeaders().set("WWW-Authenticate", challenge(path));
        exchange.sendResponseHeaders(401, -1);
      }
    }
  }

  private String challenge(String path) {
    if (guard == Guard.BASIC) {
      return "Basic realm=\"registry\"";
    }
    String repository = path.replaceFirst("^/v2/(.*)/(blobs|manifests)/.*", "$1");
    return "Bearer realm=\""
        + (tls ? "https" : "http")
        + "://"
        + host
        + "/token\",service=\"guard\",scope=\"repository:"
        + repository
        + ":pull,push\"";
  }

  private boolean isAllowed(HttpExchange exchange) {
    String shown = String.valueOf(exchange.getRequestHeaders().getFirst("Authorization"));
    return switch (guard) {
      case NONE -> true;
      case BASIC -> shown.equals(BASIC);
      case TOKEN -> {
        String scope = tokens.getOrDefault(shown.replaceFirst("^Bearer ", ""), "");
        boolean reads =
            exchange.getRequestMethod().equals("GET") || exchange.getRequestMethod().equals("HEAD");
        yield scope.contains(reads ? "pull" : "push");
      }
    };
  }

  private void token(HttpExchange exchange) throws IOException {
    if (!BASIC.equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
      exchange.sendResponseHeaders(401, -1);
      return;
    }
    String scope = String.valueOf(exchange.getRequestURI().getQuery());
    scopes.add(scope);
    String token = "t" + scopes.size();
    tokens.put(token, scope);
    byte[] body = ("{\"token\":\"" + token + "\"}").getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(200, body.length);
    exchange.getResponseBody().write(body);
  }

  private void forward(HttpExchange exchange) throws IOException {
    byte[] sent = exchange.getRequestBody().readAllBytes();
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://" + behind + exchange.getRequestURI()))
            .method(
                exchange.getRequestMethod(),
                sent.length == 0
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofByteArray(sent));
    for (String name : List.of("Accept", "Content-Type", "Range")) {
      List<String> values = exchange.getRequestHeaders().getOrDefault(name, List.of());
      values.forEach(value -> request.header(name, value));
    }
    try {
      HttpResponse<byte[]> got =
          client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
      for (String name : List.of("Content-Type", "Location", "Docker-Content-Digest", "Range")) {
        got.headers()
            .firstValue(name)
            .ifPresent(value -> exchange.getResponseHeaders().set(name, value));
      }
      boolean bare = got.body().length == 0 || exchange.getRequestMethod().equals("HEAD");
      exchange.sendResponseHeaders(got.statusCode(), bare ? -1 : got.body().length);
      if (!bare) {
        exchange.getResponseBody().write(got.body());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      exchange.sendResponseHeaders(503, -1);
    }
  }

  @Override
  public void close() {
    server.stop(0);
    client.close();
  }
}
