package dev.retainerd.runtime.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.proto.ImageRecord;
import dev.retainerd.runtime.archive.TarBuilder;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.registry.Credentials;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Images between a namespace, a real registry behind doors of every kind, and archives. */
@Tag("real")
class ImageTransfersTest {
  private static final Scope SCOPE = NodeFixture.scope("one");
  private static final PlatformChoice HERE = PlatformChoice.of(Platform.host());
  private static final Credentials WHO =
      Credentials.basic(GuardedRegistry.USER, GuardedRegistry.PASSWORD);

  @TempDir Path temp;
  private DockerRegistry registry;
  private NodeFixture node;
  private final TestImage made =
      new TestImage()
          .layer(new TarBuilder().folder("a", 0755).file("a/one", "1".repeat(70_000)).build())
          .layer(new TarBuilder().folder("b", 0755).file("b/two", "2".repeat(80_000)).build());

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

  private static ImageTransfers.Wish unpacked(String name) {
    return new ImageTransfers.Wish(name, Map.of(), HERE, Set.of("overlayfs"));
  }

  private static ImageTransfers.Registry at(String reference, Credentials credentials) {
    return new ImageTransfers.Registry(reference, Optional.empty(), true, credentials);
  }

  private String manifest() {
    return Digest.of(made.manifest()).toString();
  }

  private static String skopeo(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("skopeo"));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(false).start();
    byte[] out = process.getInputStream().readAllBytes();
    assertEquals(
        0,
        process.waitFor(),
        () -> {
          try {
            return new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
          } catch (IOException e) {
            return e.toString();
          }
        });
    return Digest.of(out).toString();
  }

  @ParameterizedTest
  @EnumSource(GuardedRegistry.Guard.class)
  void whatWasPulledIsPushedThroughEveryDoorAndSkopeoReadsTheSameBytes(GuardedRegistry.Guard guard)
      throws Exception {
    registry.push("from", "v1", made);
    try (GuardedRegistry door = new GuardedRegistry(registry.host, guard)) {
      node.images
          .transfers()
          .pull(
              SCOPE,
              at(door.host + "/from:v1", WHO),
              new ImageTransfers.Wish("mine", Map.of("k", "v"), HERE, Set.of("overlayfs")),
              TransferProgress.NONE);
      assertEquals(manifest(), node.records.get("one", "mine").getTarget().getDigest());
      assertTrue(node.snapshots.isCommitted("one", ChainIds.of(made.diffIds).getLast()));
      List<String> told = new CopyOnWriteArrayList<>();
      node.images
          .transfers()
          .push(
              SCOPE,
              "mine",
              at(door.host + "/to/there:v2", WHO),
              (event, kind, part, bytes) -> told.add(event.word()));
      assertTrue(told.contains("done"), told.toString());
    }
    String raw =
        skopeo(
            "inspect", "--raw", "--tls-verify=false", "docker://" + registry.host + "/to/there:v2");
    assertEquals(manifest(), raw);
    // Every blob behind it too: skopeo checks the digests of what it copies.
    skopeo(
        "copy",
        "--src-tls-verify=false",
        "docker://" + registry.host + "/to/there:v2",
        "dir:" + temp.resolve("copied"));
  }

  @Test
  void aSecondPushSendsNothing() throws Exception {
    registry.push("from", "v1", made);
    ImageTransfers transfers = node.images.transfers();
    transfers.pull(
        SCOPE,
        at(registry.host + "/from:v1", Credentials.ANONYMOUS),
        new ImageTransfers.Wish("mine", Map.of(), HERE, Set.of()),
        TransferProgress.NONE);
    for (int round = 0; round < 2; round++) {
      List<String> told = new CopyOnWriteArrayList<>();
      transfers.push(
          SCOPE,
          "mine",
          at(registry.host + "/again:v1", Credentials.ANONYMOUS),
          (event, kind, part, bytes) -> told.add(event.word()));
      // The first is taken over from the repository it came from, inside of the registry.
      assertTrue(!told.contains("uploading"), told.toString());
    }
  }

  private static String entry(TestImage image, String platform) {
    String plain = TestImage.descriptor(MediaTypes.OCI_MANIFEST, image.manifest());
    return plain.substring(0, plain.length() - 1) + ",\"platform\":{" + platform + "}}";
  }

  private final TestImage foreign =
      new TestImage().layer(new TarBuilder().file("arm", "3".repeat(60_000)).build());

  private void pushForSeveralPlatforms() throws Exception {
    registry.push("from", "here", made);
    registry.push("from", "arm", foreign);
    String here = "\"os\":\"linux\",\"architecture\":\"" + Platform.host().architecture() + "\"";
    String arm = "\"os\":\"linux\",\"architecture\":\"riscv64\",\"variant\":\"v8\"";
    String index =
        "{\"schemaVersion\":2,\"mediaType\":\""
            + MediaTypes.OCI_INDEX
            + "\",\"manifests\":["
            + entry(foreign, arm)
            + ","
            + entry(made, here)
            + "]}";
    registry.manifest("from", "many", MediaTypes.OCI_INDEX, index.getBytes(StandardCharsets.UTF_8));
  }

  /** Whether the namespace has an image's manifest and config, and whether its layers. */
  private String held(String namespace, TestImage image) {
    boolean documents =
        node.content.find(namespace, Digest.of(image.manifest())).isPresent()
            && node.content.find(namespace, Digest.parse(image.id())).isPresent();
    long layers =
        image.layers.stream()
            .filter(layer -> node.content.find(namespace, Digest.of(layer)).isPresent())
            .count();
    return (documents ? "documents" : "nothing")
        + (layers == image.layers.size() ? " and layers" : layers == 0 ? "" : " and some layers");
  }

  /** An OCI layout whose one image has a manifest for this node and one for another. */
  private byte[] archiveForSeveralPlatforms() throws Exception {
    String here = "\"os\":\"linux\",\"architecture\":\"" + Platform.host().architecture() + "\"";
    String arm = "\"os\":\"linux\",\"architecture\":\"riscv64\",\"variant\":\"v8\"";
    byte[] index =
        ("{\"schemaVersion\":2,\"mediaType\":\""
                + MediaTypes.OCI_INDEX
                + "\",\"manifests\":["
                + entry(foreign, arm)
                + ","
                + entry(made, here)
                + "]}")
            .getBytes(StandardCharsets.UTF_8);
    TarBuilder archive = new TarBuilder();
    List<byte[]> blobs = new ArrayList<>(List.of(index));
    for (TestImage image : List.of(made, foreign)) {
      blobs.add(image.manifest());
      blobs.add(image.config());
      blobs.addAll(image.layers);
    }
    for (byte[] blob : blobs) {
      archive.file("blobs/sha256/" + Digest.of(blob).hex(), blob, 0644, 0, Map.of());
    }
    String named = TestImage.descriptor(MediaTypes.OCI_INDEX, index);
    named =
        named.substring(0, named.length() - 1)
            + ",\"annotations\":{\"io.containerd.image.name\":\"docker.io/retain/many:1\"}}";
    return archive
        .file("index.json", "{\"schemaVersion\":2,\"manifests\":[" + named + "]}")
        .file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}")
        .build();
  }

  @Test
  void ofAnArchiveTheWantedPlatformsStayAndNoOthers() throws Exception {
    byte[] archive = archiveForSeveralPlatforms();
    Platform arm = new Platform("linux", "riscv64", "v8");
    record Case(String namespace, PlatformChoice choice, String ofArm, String ofHere) {}
    for (Case one :
        List.of(
            new Case("all", PlatformChoice.ALL, "documents and layers", "documents and layers"),
            new Case(
                "arm",
                PlatformChoice.of(List.of(arm), 0, false),
                "documents and layers",
                "nothing"),
            new Case(
                "first",
                PlatformChoice.of(List.of(Platform.host(), arm), 1, false),
                "nothing",
                "documents and layers"),
            new Case(
                "papers",
                PlatformChoice.of(List.of(Platform.host()), 0, true),
                "documents",
                "documents and layers"))) {
      Scope scope = NodeFixture.scope(one.namespace());
      node.images
          .transfers()
          .load(
              scope,
              new ByteArrayInputStream(archive),
              new ImageArchiveReader.Naming("", false),
              one.choice(),
              Set.of("overlayfs"),
              TransferProgress.NONE);
      node.garbage.collect(scope.origin(), one.namespace());
      assertEquals(one.ofArm(), held(one.namespace(), foreign), one.namespace());
      assertEquals(one.ofHere(), held(one.namespace(), made), one.namespace());
      assertEquals(
          one.ofHere().contains("layers"),
          node.snapshots.isCommitted(one.namespace(), ChainIds.of(made.diffIds).getLast()),
          "what is for this node is unpacked: " + one.namespace());
    }
    Refusal refused =
        assertThrows(
            Refusal.class,
            () ->
                node.images
                    .transfers()
                    .load(
                        SCOPE,
                        new ByteArrayInputStream(archive),
                        new ImageArchiveReader.Naming("", false),
                        PlatformChoice.of(List.of(new Platform("linux", "s390x", "")), 0, false),
                        Set.of("overlayfs"),
                        TransferProgress.NONE));
    assertEquals(Refusal.Code.NOT_FOUND, refused.code(), refused.sentence());
    assertTrue(refused.sentence().contains("linux/s390x"), refused.sentence());
  }

  @Test
  void theWantedPlatformsComeAndNoOthers() throws Exception {
    pushForSeveralPlatforms();
    ImageTransfers transfers = node.images.transfers();
    ImageTransfers.Registry from = at(registry.host + "/from:many", Credentials.ANONYMOUS);
    Platform arm = new Platform("linux", "riscv64", "v8");
    record Case(String namespace, PlatformChoice choice, String ofArm, String ofHere) {}
    for (Case one :
        List.of(
            new Case("node", HERE, "nothing", "documents and layers"),
            new Case(
                "arm",
                PlatformChoice.of(List.of(arm), 0, false),
                "documents and layers",
                "nothing"),
            new Case(
                "all",
                PlatformChoice.of(List.of(), 0, false),
                "documents and layers",
                "documents and layers"),
            new Case(
                "both",
                PlatformChoice.of(List.of(Platform.host(), arm), 0, false),
                "documents and layers",
                "documents and layers"),
            new Case(
                "first",
                PlatformChoice.of(List.of(Platform.host(), arm), 1, false),
                "nothing",
                "documents and layers"),
            new Case(
                "papers",
                PlatformChoice.of(List.of(Platform.host()), 0, true),
                "documents",
                "documents and layers"))) {
      transfers.pull(
          NodeFixture.scope(one.namespace()),
          from,
          new ImageTransfers.Wish("mine", Map.of(), one.choice(), Set.of("overlayfs")),
          TransferProgress.NONE);
      assertEquals(one.ofArm(), held(one.namespace(), foreign), one.namespace());
      assertEquals(one.ofHere(), held(one.namespace(), made), one.namespace());
      assertEquals(
          one.ofHere().contains("layers"),
          node.snapshots.isCommitted(one.namespace(), ChainIds.of(made.diffIds).getLast()),
          "what is for this node is unpacked: " + one.namespace());
      assertEquals(List.of(), node.garbage.look(one.namespace()).items(), one.namespace());
    }
    Refusal none =
        assertThrows(
            Refusal.class,
            () ->
                transfers.pull(
                    NodeFixture.scope("none"),
                    from,
                    new ImageTransfers.Wish(
                        "mine",
                        Map.of(),
                        PlatformChoice.of(List.of(new Platform("linux", "s390x", "")), 0, false),
                        Set.of("overlayfs")),
                    TransferProgress.NONE));
    assertEquals(Refusal.Code.NOT_FOUND, none.code());
    assertTrue(none.sentence().contains("linux/s390x"), none.sentence());
    assertTrue(node.records.find("none", "mine").isEmpty());
  }

  @Test
  void onlyWhatIsForThisNodeAndItsSnapshottersIsUnpacked() {
    ImageTransfers transfers = node.images.transfers();
    assertEquals(Optional.of("overlayfs"), transfers.unpacksInto(Optional.empty(), ""));
    assertEquals(
        Optional.of("native"), transfers.unpacksInto(Optional.of(Platform.host()), "native"));
    assertEquals(Optional.empty(), transfers.unpacksInto(Optional.empty(), "zfs"));
    assertEquals(
        Optional.empty(),
        transfers.unpacksInto(Optional.of(new Platform("linux", "s390x", "")), ""));
  }

  @Test
  void aRegistryWithItsOwnCaIsTrustedByHostsToml() throws Exception {
    registry.push("from", "v1", made);
    Path certificates = Files.createDirectories(temp.resolve("certs"));
    try (GuardedRegistry door =
        new GuardedRegistry(registry.host, GuardedRegistry.Guard.TOKEN, certificates)) {
      Path hosts = temp.resolve("hosts");
      Path own = Files.createDirectories(hosts.resolve(door.host));
      Files.writeString(
          own.resolve("hosts.toml"),
          "server = \"https://"
              + door.host
              + "\"\nca = \""
              + certificates.resolve("cert.pem")
              + "\"\n");
      ImageTransfers.Registry trusted =
          new ImageTransfers.Registry(door.host + "/from:v1", Optional.of(hosts), false, WHO);
      ImageRecord pulled =
          node.images.transfers().pull(SCOPE, trusted, unpacked("mine"), TransferProgress.NONE);
      assertEquals(manifest(), pulled.getTarget().getDigest());
      Files.writeString(
          own.resolve("hosts.toml"),
          "server = \"https://" + door.host + "\"\nskip_verify = false\n");
      Refusal refused =
          assertThrows(
              Refusal.class,
              () ->
                  node.images
                      .transfers()
                      .pull(SCOPE, trusted, unpacked("other"), TransferProgress.NONE));
      assertTrue(refused.sentence().contains("hosts.toml"), refused.sentence());
      assertTrue(!refused.sentence().contains(GuardedRegistry.PASSWORD));
    }
  }

  @Test
  void aWrongPasswordIsRefusedAndNothingIsNamed() throws Exception {
    registry.push("from", "v1", made);
    try (GuardedRegistry door = new GuardedRegistry(registry.host, GuardedRegistry.Guard.TOKEN)) {
      Refusal refused =
          assertThrows(
              Refusal.class,
              () ->
                  node.images
                      .transfers()
                      .pull(
                          SCOPE,
                          at(door.host + "/from:v1", Credentials.basic("who", "wrong")),
                          unpacked("mine"),
                          TransferProgress.NONE));
      assertEquals(Refusal.Code.PERMISSION_DENIED, refused.code());
      assertTrue(node.records.find("one", "mine").isEmpty());
    }
  }

  @Test
  void anArchiveComesBackAsItWasByteForByte() throws Exception {
    registry.push("from", "v1", made);
    ImageTransfers transfers = node.images.transfers();
    String name = registry.host + "/from:v1";
    transfers.pull(
        SCOPE,
        at(name, Credentials.ANONYMOUS),
        new ImageTransfers.Wish(name, Map.of(), HERE, Set.of()),
        TransferProgress.NONE);
    ByteArrayOutputStream first = new ByteArrayOutputStream();
    transfers.save(SCOPE, List.of(name), first, TransferProgress.NONE);
    ByteArrayOutputStream second = new ByteArrayOutputStream();
    transfers.save(SCOPE, List.of(name), second, TransferProgress.NONE);
    assertArrayEquals(first.toByteArray(), second.toByteArray());
    Path archive = Files.write(temp.resolve("image.tar"), first.toByteArray());
    assertEquals(manifest(), skopeo("inspect", "--raw", "oci-archive:" + archive + ":v1"));
    skopeo("copy", "docker-archive:" + archive, "dir:" + temp.resolve("docker"));

    Scope other = NodeFixture.scope("two");
    List<ImageRecord> loaded =
        transfers.load(
            other,
            new ByteArrayInputStream(first.toByteArray()),
            new ImageArchiveReader.Naming("", true),
            PlatformChoice.ALL,
            Set.of("overlayfs"),
            TransferProgress.NONE);
    assertEquals(
        List.of(name, "import@" + manifest()), loaded.stream().map(ImageRecord::getName).toList());
    assertTrue(node.snapshots.isCommitted("two", ChainIds.of(made.diffIds).getLast()));
    assertEquals(List.of(), node.garbage.look("two").items(), "the names hold all of it");
  }

  @Test
  void whatDockerSavesIsLoadedToo() throws Exception {
    byte[] layer = new TarBuilder().folder("a", 0755).file("a/one", "1".repeat(70_000)).build();
    TestImage image = new TestImage().layer(layer);
    byte[] archive =
        new TarBuilder()
            .file("config.json", new String(image.config(), StandardCharsets.UTF_8))
            .folder("l", 0755)
            .file("l/layer.tar", layer, 0644, 0, Map.of())
            .file(
                "manifest.json",
                "[{\"Config\":\"config.json\",\"RepoTags\":[\"busy:1\"],\"Layers\":[\"l/layer.tar\"]}]")
            .build();
    List<ImageRecord> loaded =
        node.images
            .transfers()
            .load(
                SCOPE,
                new ByteArrayInputStream(archive),
                new ImageArchiveReader.Naming("", false),
                PlatformChoice.ALL,
                Set.of("overlayfs"),
                TransferProgress.NONE);
    assertEquals("docker.io/library/busy:1", loaded.getFirst().getName());
    assertTrue(node.snapshots.isCommitted("one", image.diffIds.getFirst()));
  }

  @Test
  void anArchiveThatIsNoneLeavesNothing() {
    byte[] lies =
        new TarBuilder()
            .file("blobs/sha256/" + "0".repeat(64), "something else")
            .file("index.json", "{}")
            .build();
    for (byte[] bad : List.of(lies, "no tar at all".repeat(100).getBytes(StandardCharsets.UTF_8))) {
      Refusal refused =
          assertThrows(
              Refusal.class,
              () ->
                  node.images
                      .transfers()
                      .load(
                          SCOPE,
                          new ByteArrayInputStream(bad),
                          new ImageArchiveReader.Naming("", false),
                          PlatformChoice.ALL,
                          Set.of("overlayfs"),
                          TransferProgress.NONE));
      assertEquals(Refusal.Code.INVALID_ARGUMENT, refused.code(), refused.sentence());
    }
    assertEquals(List.of(), node.content.list("one"));
    assertEquals(List.of(), node.content.statuses("one"));
  }

  @Test
  void anIndexWithAMissingManifestIsNotPushedHalf() throws Exception {
    byte[] here = made.manifest();
    String index =
        "{\"schemaVersion\":2,\"mediaType\":\""
            + MediaTypes.OCI_INDEX
            + "\",\"manifests\":["
            + TestImage.descriptor(MediaTypes.OCI_MANIFEST, here)
            + ","
            + TestImage.descriptor(MediaTypes.OCI_MANIFEST, new byte[] {1})
            + "]}";
    byte[] bytes = index.getBytes(StandardCharsets.UTF_8);
    node.content.put(SCOPE, bytes, Map.of());
    node.content.put(SCOPE, here, Map.of());
    node.records.put(
        SCOPE,
        "half",
        dev.retainerd.eventlog.proto.Descriptor.newBuilder()
            .setDigest(Digest.of(bytes).toString())
            .setSize(bytes.length)
            .setMediaType(MediaTypes.OCI_INDEX)
            .build(),
        Map.of());
    Refusal refused =
        assertThrows(
            Refusal.class,
            () ->
                node.images
                    .transfers()
                    .push(
                        SCOPE,
                        "half",
                        at(registry.host + "/half:1", Credentials.ANONYMOUS),
                        TransferProgress.NONE));
    assertEquals(Refusal.Code.NOT_FOUND, refused.code());
  }
}
