package dev.retainerd.bench.node;

import dev.retainerd.bench.image.LayeredImage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An image registry on the loopback interface, in a folder of its own: Debian's docker-registry. It
 * counts what it sends, by its own log. For one thread.
 */
public final class Registry implements AutoCloseable {
  private static final Duration REQUEST_MAX = Duration.ofSeconds(60);
  private static final long READY_NANOS_MAX = TimeUnit.SECONDS.toNanos(20);
  private static final Pattern BLOB_SENT =
      Pattern.compile(
          "http\\.request\\.method=GET .*http\\.request\\.uri=\"?/v2/\\S+/blobs/.*"
              + "http\\.response\\.written=(\\d+)");

  private final Process process;
  private final Path log;
  private final int port;
  private final HttpClient client = HttpClient.newHttpClient();

  private Registry(Process process, Path log, int port) {
    this.process = process;
    this.log = log;
    this.port = port;
  }

  /**
   * Starts it with its files below {@code folder}.
   *
   * @throws NodeException when it isn't installed or doesn't answer
   */
  public static Registry start(Path folder) throws NodeException {
    try {
      int port = freePort();
      Path config = folder.resolve("registry.yml");
      Files.writeString(
          config,
          """
          version: 0.1
          log: {level: info, formatter: text, accesslog: {disabled: true}}
          storage: {filesystem: {rootdirectory: %s/registry}}
          http: {addr: "127.0.0.1:%d"}
          """
              .formatted(folder, port));
      Path log = folder.resolve("registry.log");
      Process process =
          new ProcessBuilder("docker-registry", "serve", config.toString())
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .redirectInput(Path.of("/dev/null").toFile())
              .start();
      Registry registry = new Registry(process, log, port);
      registry.awaitReady();
      return registry;
    } catch (IOException e) {
      throw new NodeException(
          "docker-registry can't be started: "
              + e.getMessage()
              + "; install it (apt-get install docker-registry) or leave the pull stages out",
          e);
    }
  }

  /** The full name of an image here. */
  public String reference(String name) {
    return "127.0.0.1:" + port + "/bench/" + name + ":1";
  }

  /** Puts an image there, to be called {@link #reference}. */
  public void push(String name, LayeredImage image) throws NodeException {
    for (LayeredImage.Blob blob : image.blobs()) {
      try {
        blob(name, blob.digest(), HttpRequest.BodyPublishers.ofFile(blob.file()));
      } catch (java.io.FileNotFoundException e) {
        throw new NodeException(blob.file() + " is gone", e);
      }
    }
    blob(name, image.configDigest(), HttpRequest.BodyPublishers.ofByteArray(image.config()));
    send(
        HttpRequest.newBuilder(uri("/v2/bench/" + name + "/manifests/1"))
            .header("Content-Type", LayeredImage.manifestType())
            .PUT(HttpRequest.BodyPublishers.ofByteArray(image.manifest())),
        201);
  }

  /** Bytes of blobs that it has sent since its start. */
  public long sentBytes() throws NodeException {
    long sent = 0;
    try {
      for (String line : Files.readAllLines(log)) {
        Matcher matcher = BLOB_SENT.matcher(line);
        if (matcher.find()) {
          sent += Long.parseLong(matcher.group(1));
        }
      }
      return sent;
    } catch (IOException e) {
      throw new NodeException("the registry's log can't be read: " + e.getMessage(), e);
    }
  }

  private void blob(String name, String digest, HttpRequest.BodyPublisher body)
      throws NodeException {
    HttpResponse<String> upload =
        send(
            HttpRequest.newBuilder(uri("/v2/bench/" + name + "/blobs/uploads/"))
                .POST(HttpRequest.BodyPublishers.noBody()),
            202);
    String location = upload.headers().firstValue("Location").orElse("");
    String separator = location.contains("?") ? "&" : "?";
    send(
        HttpRequest.newBuilder(URI.create(location + separator + "digest=" + digest))
            .header("Content-Type", "application/octet-stream")
            .PUT(body),
        201);
  }

  private HttpResponse<String> send(HttpRequest.Builder request, int wanted) throws NodeException {
    HttpRequest built = request.timeout(REQUEST_MAX).build();
    try {
      HttpResponse<String> response = client.send(built, HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() != wanted) {
        throw new NodeException(
            "the registry answered "
                + response.statusCode()
                + " to "
                + built.method()
                + " "
                + built.uri()
                + ": "
                + response.body());
      }
      return response;
    } catch (IOException e) {
      throw new NodeException("the registry broke off: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NodeException("interrupted while an image was pushed", e);
    }
  }

  private URI uri(String path) {
    return URI.create("http://127.0.0.1:" + port + path);
  }

  private void awaitReady() throws NodeException {
    long deadline = System.nanoTime() + READY_NANOS_MAX;
    while (true) {
      try {
        send(HttpRequest.newBuilder(uri("/v2/")), 200);
        return;
      } catch (NodeException e) {
        if (System.nanoTime() > deadline || !process.isAlive()) {
          close();
          throw new NodeException("docker-registry did not come up: " + lastLine(), e);
        }
        pause();
      }
    }
  }

  private static void pause() throws NodeException {
    try {
      Thread.sleep(20);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NodeException("interrupted while the registry started", e);
    }
  }

  private String lastLine() {
    try {
      List<String> lines = Files.readAllLines(log);
      return lines.isEmpty() ? "it printed nothing" : lines.getLast();
    } catch (IOException e) {
      return "its log can't be read";
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /** Ends it and removes its files; a second call does nothing. */
  @Override
  public void close() {
    client.shutdownNow();
    process.destroyForcibly();
    try {
      process.waitFor(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Traces.delete(log.getParent());
  }
}
