package dev.retainerd.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ImagePullingPayload;
import dev.retainerd.runtime.archive.TarBuilder;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.registry.Credentials;
import dev.retainerd.runtime.snapshot.Mount;
import dev.retainerd.runtime.snapshot.Usage;
import dev.retainerd.store.state.Kind;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a real docker-registry. */
@Tag("real")
class PullFromDockerRegistryTest {
  @TempDir Path temp;
  private DockerRegistry registry;
  private NodeFixture node;

  @BeforeEach
  void start() throws Exception {
    registry = new DockerRegistry(temp);
    node = new NodeFixture(temp.resolve("root"));
  }

  @AfterEach
  void stop() throws Exception {
    node.close();
    registry.close();
  }

  private static TestImage image() throws Exception {
    byte[] busybox = Files.readAllBytes(Path.of("/bin/busybox"));
    return new TestImage()
        .layer(
            new TarBuilder()
                .folder("bin", 0755)
                .file("bin/busybox", busybox, 0755, 0, Map.of())
                .folder("etc", 0755)
                .file("etc/old", "old")
                .build())
        .layer(new TarBuilder().hardlink("bin/x", "none").build())
        .layer(new TarBuilder().file("etc/new", "new").file("etc/.wh.old", "").build());
  }

  private static TestImage goodImage() throws Exception {
    TestImage image = image();
    image.layers.remove(1);
    image.diffIds.remove(1);
    return image;
  }

  @Test
  void anImageIsPulledUnpackedAndKnownByItsNames() throws Exception {
    TestImage image = goodImage();
    registry.push("team/app", "v1", image);
    String name = registry.host + "/team/app:v1";

    String id = node.images.pull(NodeFixture.ORIGIN, name, Credentials.ANONYMOUS, "");

    assertEquals(image.id(), id);
    NodeImage found = node.images.status(name).orElseThrow();
    assertEquals(List.of(name), found.tags());
    String digest = Digest.of(image.manifest()).toString();
    assertEquals(List.of(registry.host + "/team/app@" + digest), found.digests());
    assertEquals("7", found.config().user());
    assertEquals(id, node.images.status(id.substring(7, 20)).orElseThrow().id());
    assertEquals(found, node.images.resolve(NodeFixture.ORIGIN, name, ""));
    List<Mount> mounts =
        node.snapshots.prepare(NodeFixture.scope("k8s.io"), "c1", found.chainId(), Map.of());
    assertEquals("overlay", mounts.get(0).type());
    long top = node.snapshots.stat("k8s.io", found.chainId()).getFolder();
    assertEquals("new", Files.readString(node.folders.files(top).resolve("etc/new")));
    assertEquals(0, node.journal.state().count(Kind.OPERATION));
    assertEquals(List.of(), node.content.statuses("k8s.io"));
    // With no container on it, removing the image gives everything back.
    node.snapshots.remove(NodeFixture.scope("k8s.io"), "c1");
    node.images.remove(NodeFixture.ORIGIN, id);
    assertEquals(List.of(), node.images.list());
    assertEquals(List.of(), node.content.list("k8s.io"));
    assertEquals(List.of(), node.snapshots.list("k8s.io"));
    assertEquals(List.of(), node.store.list());
    assertEquals(List.of(), node.folders.list());
  }

  @Test
  void eachRuntimeHandlersPodsFindTheImageInTheirSnapshotter() throws Exception {
    TestImage image = goodImage();
    registry.push("app", "latest", image);
    String name = registry.host + "/app";
    String top = ChainIds.of(image.diffIds).getLast();

    node.images.pull(NodeFixture.ORIGIN, name, Credentials.ANONYMOUS, "copies");
    assertTrue(node.whole.isCommitted("k8s.io", top));
    assertFalse(node.snapshots.isCommitted("k8s.io", top), "nobody asked for that one");
    Usage copied = node.images.usage().get("native");
    assertTrue(copied.inodes() > 0, copied::toString);
    assertEquals(0, node.images.usage().get("overlayfs").inodes());

    // A pod of another handler gets it from what is there; no pull, and for as long as the image.
    node.images.resolve(NodeFixture.ORIGIN, name, "");
    assertTrue(node.snapshots.isCommitted("k8s.io", top));
    node.garbage.collect(NodeFixture.ORIGIN, "k8s.io");
    assertTrue(node.snapshots.isCommitted("k8s.io", top));
    assertTrue(node.whole.isCommitted("k8s.io", top));

    node.images.remove(NodeFixture.ORIGIN, name);
    assertEquals(List.of(), node.snapshots.list("k8s.io"));
    assertEquals(List.of(), node.whole.list("k8s.io"));

    Refusal unknown =
        assertThrows(
            Refusal.class,
            () -> node.images.pull(NodeFixture.ORIGIN, name, Credentials.ANONYMOUS, "kata"));
    assertEquals(Refusal.Code.INVALID_ARGUMENT, unknown.code());
    assertTrue(unknown.sentence().contains("copies, runc"), unknown.sentence());
    assertEquals(List.of(), node.images.list());
  }

  @Test
  void anIndexGivesThisNodesPlatform() throws Exception {
    TestImage linux = goodImage();
    TestImage windows = new TestImage("windows").layer(new TarBuilder().file("w", "w").build());
    registry.push("multi", "linux", linux);
    registry.push("multi", "windows", windows);
    String index =
        "{\"schemaVersion\":2,\"mediaType\":\""
            + MediaTypes.OCI_INDEX
            + "\",\"manifests\":["
            + platform(windows, "windows")
            + ","
            + platform(linux, "linux")
            + "]}";
    registry.manifest(
        "multi", "latest", MediaTypes.OCI_INDEX, index.getBytes(StandardCharsets.UTF_8));
    String id =
        node.images.pull(NodeFixture.ORIGIN, registry.host + "/multi", Credentials.ANONYMOUS, "");
    assertEquals(linux.id(), id);
    assertEquals(
        MediaTypes.OCI_INDEX,
        node.records.get("k8s.io", registry.host + "/multi:latest").getTarget().getMediaType());
  }

  private static String platform(TestImage image, String os) {
    String descriptor = TestImage.descriptor(MediaTypes.OCI_MANIFEST, image.manifest());
    return descriptor.substring(0, descriptor.length() - 1)
        + ",\"platform\":{\"os\":\""
        + os
        + "\",\"architecture\":\"amd64\"}}";
  }

  @Test
  void twentyPullsOfOneImageAreOneDownload() throws Exception {
    byte[] random = new byte[2 << 20];
    new Random(1).nextBytes(random);
    TestImage image =
        goodImage().layer(new TarBuilder().file("r", random, 0644, 0, Map.of()).build());
    registry.push("app", "latest", image);
    long[] fetched = new long[1];
    node.journal.addListener(
        (envelope, event) -> {
          if (event instanceof Event.ImagePulled pulled) {
            fetched[0] += pulled.payload().getBytesFetched();
          }
        });
    List<Callable<String>> pulls = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      pulls.add(
          () ->
              node.images.pull(
                  NodeFixture.ORIGIN, registry.host + "/app", Credentials.ANONYMOUS, ""));
    }
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (var pull : threads.invokeAll(pulls)) {
        assertEquals(image.id(), pull.get());
      }
    }
    long size = image.config().length;
    for (byte[] layer : image.layers) {
      size += layer.length;
    }
    assertEquals(size, fetched[0]);
  }

  @Test
  void ofAFailedPullNothingIsLeftButWhatWasVerified() throws Exception {
    registry.push("bad", "latest", image());
    Refusal refusal =
        assertThrows(
            Refusal.class,
            () ->
                node.images.pull(
                    NodeFixture.ORIGIN, registry.host + "/bad", Credentials.ANONYMOUS, ""));
    assertEquals(Refusal.Code.INVALID_ARGUMENT, refusal.code());
    assertTrue(refusal.sentence().contains("bin/x"), refusal.sentence());
    assertEquals(List.of(), node.images.list());
    assertEquals(List.of(), node.snapshots.list("k8s.io"));
    assertEquals(List.of(), node.folders.list());
    assertEquals(0, node.journal.state().count(Kind.OPERATION));
    node.garbage.collect(NodeFixture.ORIGIN, "k8s.io");
    assertEquals(List.of(), node.store.list());
  }

  @Test
  void whatIsNotThereIsNotFound() {
    Refusal refusal =
        assertThrows(
            Refusal.class,
            () ->
                node.images.pull(
                    NodeFixture.ORIGIN, registry.host + "/none:v9", Credentials.ANONYMOUS, ""));
    assertEquals(Refusal.Code.NOT_FOUND, refusal.code());
    assertTrue(refusal.sentence().contains("v9"), refusal.sentence());
    assertFalse(node.images.status(registry.host + "/none:v9").isPresent());
  }

  @Test
  void recoveryEndsPullsThatADeadDaemonLeft() throws Exception {
    registry.push("app", "latest", goodImage());
    node.journal.commit(
        NodeFixture.ORIGIN,
        "k8s.io",
        new Event.ImagePulling(
            ImagePullingPayload.newBuilder().setReference(registry.host + "/app:latest").build()));
    LayerSnapshots under = new LayerSnapshots(node.snapshots);
    LayerSnapshots.Layer layer =
        new LayerSnapshots.Layer(Unpacker.KEY_PREFIX + "1 sha256:x", "sha256:x", "sha256:none");
    under.intend(NodeFixture.scope("k8s.io"), List.of(layer));
    assertTrue(Files.isDirectory(under.folder(NodeFixture.scope("k8s.io"), layer)));
    assertEquals(2, node.images.recover(NodeFixture.ORIGIN));
    assertEquals(0, node.journal.state().count(Kind.OPERATION));
    assertEquals(List.of(), node.folders.list());
    node.images.pull(NodeFixture.ORIGIN, registry.host + "/app", Credentials.ANONYMOUS, "");
  }
}
