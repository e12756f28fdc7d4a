package dev.retainerd.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import dev.retainerd.runtime.archive.TarBuilder;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.registry.Credentials;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every kind of image that registries hold, from a real one. */
@Tag("real")
class ImageKindsTest {
  private static final Scope SCOPE = NodeFixture.scope("one");
  private static final PlatformChoice HERE = PlatformChoice.of(Platform.host());
  private static final String DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip";
  private static final String FOREIGN_LAYER =
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";

  @TempDir Path temp;
  private DockerRegistry registry;
  private NodeFixture node;

  @BeforeEach
  void start() throws Exception {
    registry = new DockerRegistry(Files.createDirectories(temp.resolve("registry")));
    node = new NodeFixture(Files.createDirectories(temp.resolve("root")));
  }

  @AfterEach
  void stop() throws Exception {
    node.close();
    registry.close();
  }

  private static byte[] tar(int number) {
    return new TarBuilder().file("f" + number, ("" + number).repeat(50_000)).build();
  }

  private byte[] pushed(String type, String configType, byte[] config, List<String> layers)
      throws Exception {
    registry.blob("kinds", config);
    byte[] manifest =
        ("{\"schemaVersion\":2,\"mediaType\":\""
                + type
                + "\",\"config\":"
                + TestImage.descriptor(configType, config)
                + ",\"layers\":["
                + String.join(",", layers)
                + "]}")
            .getBytes(StandardCharsets.UTF_8);
    registry.manifest("kinds", "v1", type, manifest);
    return manifest;
  }

  private void pull() {
    node.images
        .transfers()
        .pull(
            SCOPE,
            new ImageTransfers.Registry(
                registry.host + "/kinds:v1", Optional.empty(), true, Credentials.ANONYMOUS),
            new ImageTransfers.Wish("mine", Map.of(), HERE, Set.of("overlayfs")),
            TransferProgress.NONE);
  }

  private String file(TestImage image, int number) throws Exception {
    String chain = ChainIds.of(image.diffIds).get(number);
    long folder = node.snapshots.stat("one", chain).getFolder();
    return Files.readString(node.folders.files(folder).resolve("f" + number));
  }

  /** Layers compressed by gzip, by zstd and not at all, in one image of OCI's media types. */
  @Test
  void layersOfEveryCompressionAreUnpacked() throws Exception {
    TestImage image = new TestImage().layer(tar(0)).layer(tar(1)).layer(tar(2));
    byte[] zipped = image.layers.get(0);
    byte[] zstd = Zstd.compress(tar(1));
    byte[] plain = tar(2);
    for (byte[] layer : List.of(zipped, zstd, plain)) {
      registry.blob("kinds", layer);
    }
    pushed(
        MediaTypes.OCI_MANIFEST,
        MediaTypes.OCI_CONFIG,
        image.config(),
        List.of(
            TestImage.descriptor(MediaTypes.OCI_LAYER_GZIP, zipped),
            TestImage.descriptor(MediaTypes.OCI_LAYER_ZSTD, zstd),
            TestImage.descriptor(MediaTypes.OCI_LAYER, plain)));
    pull();
    for (int i = 0; i < 3; i++) {
      assertEquals(("" + i).repeat(50_000), file(image, i));
    }
  }

  @Test
  void anImageOfDockersSchema2IsPulledAsItIs() throws Exception {
    TestImage image = new TestImage().layer(tar(0));
    registry.blob("kinds", image.layers.get(0));
    byte[] manifest =
        pushed(
            MediaTypes.DOCKER_MANIFEST,
            MediaTypes.DOCKER_CONFIG,
            image.config(),
            List.of(TestImage.descriptor(DOCKER_LAYER, image.layers.get(0))));
    pull();
    assertEquals(
        MediaTypes.DOCKER_MANIFEST, node.records.get("one", "mine").getTarget().getMediaType());
    assertTrue(node.content.find("one", Digest.of(manifest)).isPresent());
    assertEquals("0".repeat(50_000), file(image, 0));
  }

  @Test
  void aForeignLayerIsRefusedBeforeAnythingLargeIsFetched() throws Exception {
    TestImage image = new TestImage().layer(tar(0)).layer(tar(1));
    registry.blob("kinds", image.layers.get(0));
    // Registries take no address of elsewhere that they were not told to; the kind alone counts.
    registry.blob("kinds", image.layers.get(1));
    pushed(
        MediaTypes.OCI_MANIFEST,
        MediaTypes.OCI_CONFIG,
        image.config(),
        List.of(
            TestImage.descriptor(MediaTypes.OCI_LAYER_GZIP, image.layers.get(0)),
            TestImage.descriptor(FOREIGN_LAYER, image.layers.get(1))));
    assertTrue(MediaTypes.isForeign("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"));
    Refusal refused = assertThrows(Refusal.class, this::pull);
    assertEquals(Refusal.Code.FAILED_PRECONDITION, refused.code());
    assertTrue(refused.sentence().contains("foreign"), refused.sentence());
    assertTrue(node.records.find("one", "mine").isEmpty());
    node.garbage.collect(NodeFixture.ORIGIN, "one");
    assertEquals(List.of(), node.content.list("one"));
    assertEquals(List.of(), node.store.list());
  }

  /** Something in an image's clothes: no root file system, and blobs that are no archives. */
  @Test
  void anArtifactIsKeptAndNotUnpacked() throws Exception {
    byte[] blob = "a signature, perhaps".getBytes(StandardCharsets.UTF_8);
    registry.blob("kinds", blob);
    byte[] config = "{}".getBytes(StandardCharsets.UTF_8);
    byte[] manifest =
        pushed(
            MediaTypes.OCI_MANIFEST,
            "application/vnd.oci.empty.v1+json",
            config,
            List.of(TestImage.descriptor("application/vnd.example.signature", blob)));
    pull();
    for (byte[] part : List.of(manifest, config, blob)) {
      assertTrue(node.content.find("one", Digest.of(part)).isPresent());
    }
    assertEquals(List.of(), node.snapshots.list("one"));
    assertEquals(List.of(), node.garbage.look("one").items(), "its name holds all of it");
  }
}
