package dev.retainerd.runtime.image;

import dev.retainerd.runtime.content.Digest;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Debian's docker-registry on a loopback port of its own, and a small client that fills it. */
public final class DockerRegistry implements AutoCloseable {
  public final String host;
  private final Process process;
  private final HttpClient http = HttpClient.newHttpClient();

  public DockerRegistry(Path folder) throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    host = "127.0.0.1:" + port;
    Path config = folder.resolve("registry.yml");
    Files.writeString(
        config,
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem:"
            + " {rootdirectory: "
            + folder.resolve("registry")
            + "}}\nhttp: {addr: \""
            + host
            + "\", relativeurls: true}\n");
    process =
        new ProcessBuilder("docker-registry", "serve", config.toString())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("registry.log").toFile())
            .start();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (true) {
      try {
        if (send(HttpRequest.newBuilder(uri("/v2/")).build()).statusCode() == 200) {
          return;
        }
      } catch (IOException e) {
        if (System.nanoTime() > deadline || !process.isAlive()) {
          process.destroyForcibly();
          throw e;
        }
      }
      Thread.sleep(20);
    }
  }

  private URI uri(String path) {
    return URI.create("http://" + host + path);
  }

  private HttpResponse<String> send(HttpRequest request) throws Exception {
    return http.send(request, HttpResponse.BodyHandlers.ofString());
  }

  void blob(String repository, byte[] bytes) throws Exception {
    HttpResponse<String> begun =
        send(
            HttpRequest.newBuilder(uri("/v2/" + repository + "/blobs/uploads/"))
                .POST(HttpRequest.BodyPublishers.noBody())
                .build());
    String location = begun.headers().firstValue("location").orElseThrow();
    URI to = uri("/").resolve(location + "&digest=" + Digest.of(bytes));
    HttpResponse<String> done =
        send(
            HttpRequest.newBuilder(to)
                .header("Content-Type", "application/octet-stream")
                .PUT(HttpRequest.BodyPublishers.ofByteArray(bytes))
                .build());
    require(done, 201);
  }

  void manifest(String repository, String name, String type, byte[] bytes) throws Exception {
    HttpResponse<String> done =
        send(
            HttpRequest.newBuilder(uri("/v2/" + repository + "/manifests/" + name))
                .header("Content-Type", type)
                .PUT(HttpRequest.BodyPublishers.ofByteArray(bytes))
                .build());
    require(done, 201);
  }

  void push(String repository, String name, TestImage image) throws Exception {
    for (byte[] layer : image.layers) {
      blob(repository, layer);
    }
    blob(repository, image.config());
    manifest(repository, name, MediaTypes.OCI_MANIFEST, image.manifest());
  }

  private static void require(HttpResponse<String> response, int status) {
    if (response.statusCode() != status) {
      throw new AssertionError(response.statusCode() + " " + response.body());
    }
  }

  @Override
  public void close() throws InterruptedException {
    process.destroy();
    process.waitFor(10, TimeUnit.SECONDS);
    http.close();
  }
}
