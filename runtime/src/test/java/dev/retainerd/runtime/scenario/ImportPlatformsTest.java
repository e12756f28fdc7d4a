package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.content.Digest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * {@code images import} of an archive for several platforms, by ctr and by retainctl: what is for
 * the platforms asked for stays, and the rest of the archive is garbage.
 */
@Tag("real")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ImportPlatformsTest {
  private static final String IMAGE = "docker.io/retain/many:1";

  private Node node;
  private Path archive;

  /** The digest of each platform's layer. */
  private final Map<String, String> layers = new TreeMap<>();

  private Path layout;

  @BeforeAll
  void start() throws Exception {
    node = Node.started();
    layout = Files.createDirectories(node.folder().resolve("layout/blobs/sha256")).getParent();
    layout = layout.getParent();
    List<String> entries = new ArrayList<>();
    for (String architecture : List.of(here(), "riscv64")) {
      entries.add(
          entry("application/vnd.oci.image.manifest.v1+json", manifest(architecture))
              + ",\"platform\":{\"os\":\"linux\",\"architecture\":\""
              + architecture
              + "\"}}");
    }
    String index =
        entry(
            "application/vnd.oci.image.index.v1+json",
            "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
                + "\"manifests\":["
                + String.join(",", entries)
                + "]}");
    Files.writeString(
        layout.resolve("index.json"),
        "{\"schemaVersion\":2,\"manifests\":["
            + index
            + ",\"annotations\":{\"io.containerd.image.name\":\""
            + IMAGE
            + "\"}}]}");
    Files.writeString(layout.resolve("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
    archive = node.folder().resolve("many.tar");
    Host.run(20, List.of("tar", "cf", archive.toString(), "-C", layout.toString(), "."))
        .expectSuccess();
  }

  @AfterAll
  void close() {
    node.close();
  }

  private static String here() {
    return System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64";
  }

  /** Keeps a blob; a descriptor that lacks its last brace. */
  private String entry(String type, String content) throws IOException {
    return entry(type, content.getBytes(StandardCharsets.UTF_8));
  }

  private String entry(String type, byte[] content) throws IOException {
    Digest digest = Digest.of(content);
    Files.write(layout.resolve("blobs/sha256").resolve(digest.hex()), content);
    return "{\"mediaType\":\""
        + type
        + "\",\"digest\":\""
        + digest
        + "\",\"size\":"
        + content.length;
  }

  private String manifest(String architecture) throws IOException {
    Path files = Files.createDirectories(node.folder().resolve("files-" + architecture));
    Files.writeString(files.resolve("made-for"), architecture);
    Path tar = node.folder().resolve(architecture + ".tar");
    Host.run(20, List.of("tar", "cf", tar.toString(), "-C", files.toString(), ".")).expectSuccess();
    byte[] layer = Files.readAllBytes(tar);
    layers.put(architecture, Digest.of(layer).toString());
    String config =
        "{\"os\":\"linux\",\"architecture\":\""
            + architecture
            + "\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\""
            + Digest.of(layer)
            + "\"]}}";
    return "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
        + "\"config\":"
        + entry("application/vnd.oci.image.config.v1+json", config)
        + "},\"layers\":["
        + entry("application/vnd.oci.image.layer.v1.tar", layer)
        + "}]}";
  }

  private Host.Output imported(String client, String namespace, String... flags) {
    List<String> words = new ArrayList<>(List.of("images", "import"));
    words.addAll(List.of(flags));
    words.add(archive.toString());
    if (client.equals("ctr")) {
      return node.ctrIn(namespace, words.toArray(String[]::new));
    }
    words.addAll(0, List.of("--namespace", namespace));
    return node.retainctl(words.toArray(String[]::new));
  }

  /** The platforms whose layers outlive a collection of garbage. */
  private List<String> kept(String namespace) {
    node.retainctl("--namespace", namespace, "gc").expectSuccess();
    String content = node.ctrIn(namespace, "content", "ls", "-q").expectSuccess();
    return layers.entrySet().stream()
        .filter(layer -> content.contains(layer.getValue()))
        .map(Map.Entry::getKey)
        .toList();
  }

  @Test
  void whatIsForThePlatformsAskedForStays() {
    for (String client : List.of("ctr", "retainctl")) {
      imported(client, client + "1").expectSuccess();
      assertEquals(List.of(here()), kept(client + "1"), client);
      imported(client, client + "2", "--all-platforms").expectSuccess();
      assertEquals(List.of(here(), "riscv64"), kept(client + "2"), client);
      imported(client, client + "3", "--platform", "linux/riscv64").expectSuccess();
      assertEquals(List.of("riscv64"), kept(client + "3"), client);
      String snapshots = node.ctrIn(client + "3", "snapshots", "ls").expectSuccess();
      assertTrue(snapshots.contains(layers.get("riscv64")), snapshots);
      imported(client, client + "4", "--platform", "linux/riscv64", "--no-unpack").expectSuccess();
      String none = node.ctrIn(client + "4", "snapshots", "ls").expectSuccess();
      assertEquals(1, none.lines().count(), none);
    }
  }

  @Test
  void aPlatformThatTheArchiveHasNotIsRefused() {
    for (String client : List.of("ctr", "retainctl")) {
      Host.Output refused = imported(client, client + "5", "--platform", "linux/s390x");
      assertEquals(1, refused.code(), refused.text());
      assertEquals(List.of(), kept(client + "5"), client);
    }
    Host.Output odd = imported("retainctl", "odd", "--platform", "linux/a/b/c");
    assertTrue(odd.code() != 0 && odd.text().contains("linux/a/b/c"), odd.text());
  }

  @Test
  void retainctlNamesAndCompressesAsCtrDoes() throws Exception {
    Path docker = node.folder().resolve("docker");
    Files.createDirectories(docker);
    Files.copy(node.folder().resolve(here() + ".tar"), docker.resolve("layer.tar"));
    Files.writeString(
        docker.resolve("config.json"),
        "{\"os\":\"linux\",\"architecture\":\""
            + here()
            + "\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\""
            + layers.get(here())
            + "\"]}}");
    Files.writeString(
        docker.resolve("manifest.json"),
        "[{\"Config\":\"config.json\",\"RepoTags\":[\"packed:1\"],\"Layers\":[\"layer.tar\"]}]");
    Path tar = node.folder().resolve("docker.tar");
    Host.run(20, List.of("tar", "cf", tar.toString(), "-C", docker.toString(), "."))
        .expectSuccess();
    for (String client : List.of("ctr", "retainctl")) {
      Path before = archive;
      archive = tar;
      try {
        imported(client, client + "6", "--compress-blobs").expectSuccess();
        imported(client, client + "7", "--digests", "--skip-digest-for-named").expectSuccess();
      } finally {
        archive = before;
      }
      assertEquals(List.of(), kept(client + "6"), "the layer is another blob: " + client);
      String unpacked = node.ctrIn(client + "6", "snapshots", "ls").expectSuccess();
      assertTrue(unpacked.contains(layers.get(here())), unpacked);
      assertEquals(
          "docker.io/library/packed:1",
          node.ctrIn(client + "7", "images", "ls", "-q").expectSuccess().strip());
    }
  }
}
