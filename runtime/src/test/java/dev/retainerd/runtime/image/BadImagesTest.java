package dev.retainerd.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.retainerd.runtime.archive.TarBuilder;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.registry.Credentials;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Images that are none, from a registry that serves whatever it is told: each is refused with its
 * code and one sentence, names nothing, leaves no snapshot, and gives its space back.
 */
@Tag("real")
class BadImagesTest {
  @TempDir Path temp;
  private HttpServer server;
  private NodeFixture node;
  private final Map<String, byte[]> served = new ConcurrentHashMap<>();
  private final Map<String, String> types = new ConcurrentHashMap<>();

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::answer);
    server.start();
    node = new NodeFixture(temp.resolve("root"));
  }

  @AfterEach
  void stop() {
    node.close();
    server.stop(0);
  }

  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    String name = path.substring(path.lastIndexOf('/') + 1);
    byte[] body = served.get(name);
    exchange
        .getResponseHeaders()
        .set("Content-Type", types.getOrDefault(name, "application/octet-stream"));
    if (body == null) {
      exchange.sendResponseHeaders(404, -1);
    } else {
      exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
      if (body.length > 0) {
        exchange.getResponseBody().write(body);
      }
    }
    exchange.close();
  }

  private void manifest(String name, String type, byte[] bytes) {
    served.put(name, bytes);
    types.put(name, type);
  }

  /** Serves the image as it should be. */
  private TestImage image() {
    TestImage image =
        new TestImage()
            .layer(new TarBuilder().file("a", "first").build())
            .layer(new TarBuilder().file("b", "second").build());
    served.put(image.id(), image.config());
    image.layers.forEach(layer -> served.put(Digest.of(layer).toString(), layer));
    manifest("v1", MediaTypes.OCI_MANIFEST, image.manifest());
    return image;
  }

  private void refused(Refusal.Code code, String... parts) {
    String name = "127.0.0.1:" + server.getAddress().getPort() + "/bad/image:v1";
    Refusal refusal =
        assertThrows(
            Refusal.class,
            () -> node.images.pull(NodeFixture.ORIGIN, name, Credentials.ANONYMOUS, ""));
    assertTrue(refusal.is(code), () -> refusal.code() + ": " + refusal.getMessage());
    assertFalse(refusal.getMessage().contains("\n"), refusal.getMessage());
    for (String part : parts) {
      assertTrue(refusal.getMessage().contains(part), refusal.getMessage());
    }
    assertEquals(List.of(), node.images.list());
    assertEquals(List.of(), node.records.list("k8s.io"));
    assertEquals(0, node.journal.state().count(Kind.OPERATION));
    assertEquals(List.of(), node.snapshots.list("k8s.io"));
    node.garbage.collect(NodeFixture.ORIGIN, "k8s.io");
    assertEquals(List.of(), node.content.list("k8s.io"));
    try {
      assertEquals(List.of(), node.folders.list());
      assertEquals(List.of(), node.store.list());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aManifestThatIsNoJson() {
    image();
    manifest("v1", MediaTypes.OCI_MANIFEST, "{\"schemaVersion\":".getBytes(StandardCharsets.UTF_8));
    refused(Refusal.Code.INVALID_ARGUMENT, "manifest");
  }

  @Test
  void aManifestThatIsNoObject() {
    image();
    manifest("v1", MediaTypes.OCI_MANIFEST, "[1]".getBytes(StandardCharsets.UTF_8));
    refused(Refusal.Code.INVALID_ARGUMENT);
  }

  @Test
  void aManifestWithoutAConfig() {
    image();
    manifest(
        "v1",
        MediaTypes.OCI_MANIFEST,
        "{\"schemaVersion\":2,\"layers\":[]}".getBytes(StandardCharsets.UTF_8));
    refused(Refusal.Code.INVALID_ARGUMENT);
  }

  @Test
  void anIndexInAnIndexInAnIndex() {
    byte[] inner = image().manifest();
    String type = MediaTypes.OCI_MANIFEST;
    for (int depth = 0; depth < 6; depth++) {
      served.put(Digest.of(inner).toString(), inner);
      types.put(Digest.of(inner).toString(), type);
      inner =
          ("{\"schemaVersion\":2,\"mediaType\":\""
                  + MediaTypes.OCI_INDEX
                  + "\",\"manifests\":["
                  + TestImage.descriptor(type, inner)
                  + "]}")
              .getBytes(StandardCharsets.UTF_8);
      type = MediaTypes.OCI_INDEX;
    }
    manifest("v1", MediaTypes.OCI_INDEX, inner);
    refused(Refusal.Code.INVALID_ARGUMENT, "nested deeper");
  }

  @Test
  void aLayerOfTheRightSizeWithOtherBytes() {
    TestImage image = image();
    byte[] other = image.layers.get(1).clone();
    other[other.length - 1] ^= 1;
    served.put(Digest.of(image.layers.get(1)).toString(), other);
    refused(Refusal.Code.FAILED_PRECONDITION, "digest");
    assertEquals(List.of(), node.content.statuses("k8s.io"), "its space is given back");
  }

  @Test
  void aLayerThatIsLongerThanItsDescriptorSays() {
    TestImage image = image();
    byte[] layer = image.layers.get(1);
    served.put(Digest.of(layer).toString(), Arrays.copyOf(layer, layer.length + 100_000));
    refused(Refusal.Code.FAILED_PRECONDITION, "more than");
  }

  @Test
  void aLayerThatEndsEarly() {
    TestImage image = image();
    byte[] layer = image.layers.get(1);
    served.put(Digest.of(layer).toString(), Arrays.copyOf(layer, layer.length / 2));
    refused(Refusal.Code.UNAVAILABLE);
    // What came is kept for the next pull, which finds the registry well again.
    served.put(Digest.of(layer).toString(), Arrays.copyOfRange(layer, 0, layer.length));
    assertEquals(
        image.id(),
        node.images.pull(
            NodeFixture.ORIGIN,
            "127.0.0.1:" + server.getAddress().getPort() + "/bad/image:v1",
            Credentials.ANONYMOUS,
            ""));
  }

  @Test
  void aLayerThatIsAWebPage() {
    TestImage image = image();
    String digest = Digest.of(image.layers.get(1)).toString();
    served.put(digest, "<html>log in first</html>".getBytes(StandardCharsets.UTF_8));
    types.put(digest, "text/html");
    Refusal refusal =
        assertThrows(
            Refusal.class,
            () ->
                node.images.pull(
                    NodeFixture.ORIGIN,
                    "127.0.0.1:" + server.getAddress().getPort() + "/bad/image:v1",
                    Credentials.ANONYMOUS,
                    ""));
    assertTrue(
        refusal.is(Refusal.Code.UNAVAILABLE) || refusal.is(Refusal.Code.FAILED_PRECONDITION),
        refusal.getMessage());
    assertEquals(List.of(), node.snapshots.list("k8s.io"));
  }

  @Test
  void aLayerThatIsNotWhatTheConfigSays() {
    TestImage image = image();
    image.diffIds.set(1, Digest.of(new byte[] {1}).toString());
    served.put(image.id(), image.config());
    manifest("v1", MediaTypes.OCI_MANIFEST, image.manifest());
    refused(Refusal.Code.FAILED_PRECONDITION, "unpacks to");
  }

  @Test
  void aLayerThatIsNotThere() {
    TestImage image = image();
    served.remove(Digest.of(image.layers.get(0)).toString());
    refused(Refusal.Code.NOT_FOUND);
  }

  @Test
  void aLayerThatIsNoArchive() {
    TestImage image = image();
    byte[] noise = TestImage.gzip("this is no tar".getBytes(StandardCharsets.UTF_8));
    image.layers.set(1, noise);
    served.put(Digest.of(noise).toString(), noise);
    manifest("v1", MediaTypes.OCI_MANIFEST, image.manifest());
    refused(Refusal.Code.INVALID_ARGUMENT);
  }
}
