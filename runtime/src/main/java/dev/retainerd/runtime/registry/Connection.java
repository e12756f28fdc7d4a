package dev.retainerd.runtime.registry;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Requests to one server about one repository, with authentication, redirects and patience.
 * Thread-safe.
 */
final class Connection {
  private static final int TRIES_MAX = 5;
  private static final int REDIRECTS_MAX = 5;
  private static final Duration RETRY_AFTER_MAX = Duration.ofSeconds(60);
  private static final Duration FIRST_PAUSE = Duration.ofMillis(200);
  private static final int ERROR_BYTES_MAX = 16 * 1024;

  private final HttpClient client;
  private final RegistryHost host;
  private final String repository;
  private final String query;
  private final Authorizer authorizer;
  private final Duration stallPatience;

  /**
   * @param registry the registry asked for, which a mirror is told
   */
  Connection(
      HttpClient client,
      RegistryHost host,
      String registry,
      String repository,
      Credentials credentials,
      Duration stallPatience) {
    this.client = client;
    this.host = host;
    this.repository = repository;
    this.authorizer = new Authorizer(client, credentials);
    this.stallPatience = stallPatience;
    boolean mirror = !host.authority().equals(registry) && !isHub(registry, host.authority());
    this.query = mirror ? "?ns=" + registry : "";
  }

  private static boolean isHub(String registry, String authority) {
    return registry.equals("docker.io") && authority.equals("registry-1.docker.io");
  }

  RegistryHost host() {
    return host;
  }

  /** What a server answered: the body of a success, or the text of an error. */
  record Answer(int status, HttpHeaders headers, byte[] body) {
    boolean ok() {
      return status == 200 || status == 206;
    }

    /** Of a push: there, made, or taken. */
    boolean taken() {
      return status >= 200 && status < 300;
    }
  }

  /** Makes a subscriber for the body of a success. */
  interface Body {
    HttpResponse.BodySubscriber<byte[]> subscribe(int status, HttpHeaders headers);

    /** When the last byte came, by {@link System#nanoTime}; empty while there is no body. */
    default Optional<Long> lastByteNanos() {
      return Optional.empty();
    }
  }

  /**
   * Gets something of the repository.
   *
   * @param path below the repository, such as {@code /manifests/latest}
   * @throws IOException where the connection broke
   * @throws Refusal unavailable, where the server could not be reached or does not get better
   */
  Answer get(String path, Map<String, String> headers, Body body) throws IOException {
    URI uri = address(path);
    return patiently("pull", sent -> followed(uri, headers, sent, body));
  }

  /** Where a path below the repository is; a path with a query must bring it itself. */
  URI address(String path) {
    return URI.create(host.root() + "/" + repository + path + (path.indexOf('?') < 0 ? query : ""));
  }

  /**
   * Sends something that may change the repository. Redirects are not followed.
   *
   * @param uri from {@link #address}, or a place that the server named
   * @param upload what is sent, made anew for each try
   */
  Answer send(String method, URI uri, Map<String, String> headers, Upload upload)
      throws IOException {
    URI own = address("");
    boolean trusted =
        own.getAuthority().equals(uri.getAuthority()) && own.getScheme().equals(uri.getScheme());
    return patiently(
        "pull,push",
        sent -> {
          HttpRequest.Builder request =
              HttpRequest.newBuilder(uri)
                  .timeout(upload.patience(stallPatience))
                  .header("User-Agent", "retainerd")
                  .method(method, upload.publisher());
          headers.forEach(request::setHeader);
          if (trusted) {
            host.headers().forEach((name, values) -> values.forEach(v -> request.header(name, v)));
            sent.ifPresent(value -> request.setHeader("Authorization", value));
          }
          return send(request.build(), upload);
        });
  }

  private interface Attempt {
    Answer send(Optional<String> authorization) throws IOException;
  }

  private Answer patiently(String actions, Attempt attempt) throws IOException {
    Duration pause = FIRST_PAUSE;
    for (int number = 1; ; number++) {
      Answer answer = authenticated(actions, attempt);
      boolean later = answer.status() == 429 || answer.status() >= 500;
      if (!later || number == TRIES_MAX) {
        return answer;
      }
      Duration wait = retryAfter(answer).orElse(pause);
      if (wait.compareTo(RETRY_AFTER_MAX) > 0) {
        return answer;
      }
      sleep(wait);
      pause = pause.multipliedBy(3);
    }
  }

  private Answer authenticated(String actions, Attempt attempt) throws IOException {
    for (int number = 0; ; number++) {
      Optional<String> sent = authorizer.header();
      Answer answer = attempt.send(sent);
      if (answer.status() != 401 || number == 2) {
        return answer;
      }
      Optional<Challenge> challenge =
          Challenge.best(answer.headers().allValues("www-authenticate"));
      if (challenge.isEmpty()
          || !authorizer.answer(
              challenge.get(), sent, "repository:" + repository + ":" + actions)) {
        return answer;
      }
    }
  }

  private Answer followed(
      URI first, Map<String, String> headers, Optional<String> authorization, Body body)
      throws IOException {
    URI uri = first;
    Optional<String> shown = authorization;
    for (int redirect = 0; ; redirect++) {
      Answer answer = send(request(uri, headers, shown, uri.equals(first)), body);
      boolean moved =
          switch (answer.status()) {
            case 301, 302, 303, 307, 308 -> true;
            default -> false;
          };
      Optional<String> location = answer.headers().firstValue("location");
      if (!moved || location.isEmpty()) {
        return answer;
      }
      URI next = target(uri, location.get());
      if (redirect == REDIRECTS_MAX) {
        throw Refusal.unavailable(
            host.authority() + " redirects more than " + REDIRECTS_MAX + " times");
      }
      if (!String.valueOf(next.getAuthority()).equals(first.getAuthority())
          || !next.getScheme().equals(first.getScheme())) {
        // What the registry may know is not for the place it points at.
        shown = Optional.empty();
      }
      uri = next;
    }
  }

  private URI target(URI from, String location) {
    try {
      URI next = from.resolve(location);
      boolean safe = "https".equals(next.getScheme()) || from.getScheme().equals("http");
      if (next.getHost() != null && safe && next.getScheme().startsWith("http")) {
        return next;
      }
    } catch (IllegalArgumentException e) {
      // said below
    }
    throw Refusal.unavailable(
        host.authority() + " redirects to \"" + location + "\", which is not followed");
  }

  private HttpRequest request(
      URI uri, Map<String, String> headers, Optional<String> authorization, boolean own) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri).timeout(stallPatience).header("User-Agent", "retainerd");
    headers.forEach(request::header);
    if (own) {
      host.headers().forEach((name, values) -> values.forEach(v -> request.header(name, v)));
    }
    authorization.ifPresent(value -> request.setHeader("Authorization", value));
    return request.build();
  }

  private Answer send(HttpRequest request, Body body) throws IOException {
    CompletableFuture<HttpResponse<byte[]>> response =
        client.sendAsync(
            request,
            info ->
                info.statusCode() == 200 || info.statusCode() == 206
                    ? body.subscribe(info.statusCode(), info.headers())
                    : new LimitedBody(ERROR_BYTES_MAX));
    while (true) {
      try {
        HttpResponse<byte[]> done = response.get(1, TimeUnit.SECONDS);
        return new Answer(done.statusCode(), done.headers(), done.body());
      } catch (TimeoutException e) {
        Optional<Long> last = body.lastByteNanos();
        if (last.isPresent() && System.nanoTime() - last.get() > stallPatience.toNanos()) {
          response.cancel(true);
          throw new IOException("no byte came for " + stallPatience.toSeconds() + " s");
        }
      } catch (InterruptedException e) {
        response.cancel(true);
        Thread.currentThread().interrupt();
        throw Refusal.cancelled("the pull from " + host.authority() + " was interrupted");
      } catch (ExecutionException e) {
        throw cause(e.getCause());
      }
    }
  }

  private static IOException cause(Throwable cause) {
    return switch (cause) {
      case Refusal refusal -> throw refusal;
      case IOException e -> e;
      case RuntimeException e -> throw e;
      default -> new IOException(cause);
    };
  }

  /** Seconds, or a date. */
  private static Optional<Duration> retryAfter(Answer answer) {
    return answer
        .headers()
        .firstValue("retry-after")
        .map(
            text -> {
              try {
                return Duration.ofSeconds(Math.max(0, Long.parseLong(text.trim())));
              } catch (NumberFormatException e) {
                return untilDate(text.trim());
              }
            });
  }

  private static Duration untilDate(String text) {
    try {
      Instant date = Instant.from(DateTimeFormatter.RFC_1123_DATE_TIME.parse(text));
      Duration wait = Duration.between(Instant.now(), date);
      return wait.isNegative() ? Duration.ZERO : wait;
    } catch (DateTimeParseException e) {
      return FIRST_PAUSE;
    }
  }

  static void sleep(Duration pause) {
    try {
      Thread.sleep(pause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the pull was interrupted");
    }
  }
}
