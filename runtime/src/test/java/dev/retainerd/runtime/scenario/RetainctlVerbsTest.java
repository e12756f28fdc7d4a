package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.image.DockerRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * Verbs of retainctl that do more than one call for what they say, each with ctr's flags and, where
 * both can do it, with what ctr makes of it afterwards.
 */
@Tag("real")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RetainctlVerbsTest {
  private Node node;
  private Path work;
  private DockerRegistry registry;

  @BeforeAll
  void start() throws Exception {
    node = Node.started();
    work = Files.createDirectories(node.folder().resolve("work"));
    registry = new DockerRegistry(Files.createDirectories(work.resolve("registry")));
    node.importImage(node.name());
  }

  @AfterAll
  void close() throws Exception {
    registry.close();
    node.close();
  }

  private Host.Output run(String line, Object... values) {
    List<String> words = new ArrayList<>(List.of("--namespace", node.name()));
    words.addAll(List.of(line.formatted(values).split(" ")));
    return node.retainctl(words.toArray(String[]::new));
  }

  private String ctl(String line, Object... values) {
    return run(line, values).expectSuccess();
  }

  private String ctr(String line, Object... values) {
    return node.ctr(line.formatted(values).split(" ")).expectSuccess();
  }

  private String digestOf(String image) {
    return ctr("images ls")
        .lines()
        .filter(line -> line.startsWith(image + " "))
        .map(line -> line.replaceAll(".*(sha256:[0-9a-f]{64}).*", "$1"))
        .findFirst()
        .orElseThrow();
  }

  /** What would go is told, and stays; what holds a blob is told, down from its root. */
  @Test
  void garbageIsToldBeforeItGoesAndHoldersAreNamed() throws Exception {
    String manifest = digestOf(Node.IMAGE);
    String held = ctl("explain %s", manifest);
    assertTrue(held.contains("image " + Node.IMAGE), held);
    Path file = Files.writeString(work.resolve("loose"), "held by nothing");
    String loose = dev.retainerd.runtime.content.Digest.of(Files.readAllBytes(file)).toString();
    String lease = ctr("leases create").strip();
    Host.run(
            30,
            List.of(
                "sh",
                "-c",
                "ctr --address "
                    + node.socket()
                    + " --namespace "
                    + node.name()
                    + " content ingest loose < "
                    + file))
        .expectSuccess();
    String would = ctl("gc --dry-run");
    assertTrue(would.contains(loose), would);
    assertTrue(would.contains("would be removed"), would);
    assertTrue(!would.contains(manifest), would);
    assertTrue(ctr("content ls -q").contains(loose), "it was only told");
    assertTrue(ctl("explain %s", loose).contains("held by nothing"));
    String gone = ctl("gc");
    assertTrue(gone.contains(loose), gone);
    assertTrue(!ctr("content ls -q").contains(loose));
    assertTrue(ctr("content ls -q").contains(manifest));
    ctr("leases rm %s", lease);
  }

  @Test
  void pluginsAreListedAsByCtr() {
    assertEquals(
        ctr("plugins ls -q").lines().sorted().toList(),
        ctl("plugins ls -q").lines().sorted().toList());
    assertTrue(ctl("plugins ls type==io.containerd.snapshotter.v1").contains("overlayfs"));
    assertTrue(ctl("plugins ls -d id==overlayfs").contains("root ="));
  }

  @Test
  void anImageIsMountedAndUnmounted() throws Exception {
    Path read = Files.createDirectories(work.resolve("read"));
    ctl("images mount %s %s", Node.IMAGE, read);
    try {
      assertTrue(Files.exists(read.resolve("bin/busybox")));
      assertEquals(1, Host.run(10, List.of("touch", read.resolve("new").toString())).code());
    } finally {
      ctl("images unmount --rm %s", read);
    }
    assertFalse(Files.exists(read.resolve("bin/busybox")));
    Path write = Files.createDirectories(work.resolve("write"));
    ctl("images mount --rw %s %s", Node.IMAGE, write);
    Files.writeString(write.resolve("new"), "kept in the snapshot");
    ctl("images unmount %s", write);
    assertFalse(Files.exists(write.resolve("new")));
    assertTrue(ctr("snapshots ls").contains(write.toString()), "the snapshot is kept");
    // What is there is mounted again, with what was written.
    ctl("images mount --rw %s %s", Node.IMAGE, write);
    assertEquals("kept in the snapshot", Files.readString(write.resolve("new")));
    ctl("images unmount --rm %s", write);
    assertFalse(ctr("snapshots ls").contains(write.toString()));
    Host.Output nowhere = run("images mount %s %s/none", Node.IMAGE, work);
    assertEquals(1, nowhere.code(), nowhere.text());
    assertTrue(nowhere.text().contains("is no folder"), nowhere.text());
  }

  @Test
  void aDifferenceIsWhatTarReads() throws Exception {
    String parent =
        ctl("snapshots ls")
            .lines()
            .filter(line -> line.contains("Committed"))
            .map(line -> line.split(" ")[0])
            .findFirst()
            .orElseThrow();
    ctl("snapshots prepare diffed %s", parent);
    String mount = ctl("snapshots mounts %s diffed", Files.createDirectories(work.resolve("d")));
    Host.run(10, List.of("sh", "-c", mount.strip())).expectSuccess();
    Files.writeString(work.resolve("d/added"), "x");
    Host.run(10, List.of("umount", work.resolve("d").toString())).expectSuccess();
    String line =
        node.folder().getFileName() == null
            ? ""
            : Node.DIST.resolve("bin/retainctl")
                + " --address "
                + node.socket()
                + " --namespace "
                + node.name()
                + " snapshots diff diffed | tar -tzf -";
    assertEquals(List.of("added"), tarNames(Host.run(30, List.of("sh", "-c", line))));
    ctl("snapshots rm diffed");
  }

  private static List<String> tarNames(Host.Output listing) {
    return listing.expectSuccess().lines().filter(name -> !name.endsWith("/")).toList();
  }

  @Test
  void layersAreUnpackedByTheImagesDigest() {
    String chain = ctl("snapshots unpack %s", digestOf(Node.IMAGE)).lines().toList().getLast();
    assertTrue(ctr("snapshots ls").contains(chain), chain);
    assertTrue(
        run("snapshots unpack sha256:%s", "0".repeat(64)).text().contains("no image points at"));
  }

  @Test
  void aConvertedImageRunsAndIsWhatCtrMakesOfIt() {
    ctl("images convert --uncompress --oci %s docker.io/retain/converted:1", Node.IMAGE);
    ctr("images convert --uncompress --oci %s docker.io/retain/by-ctr:1", Node.IMAGE);
    String ours = ctr("content get %s", digestOf("docker.io/retain/converted:1"));
    String theirs = ctr("content get %s", digestOf("docker.io/retain/by-ctr:1"));
    assertEquals(digests(theirs), digests(ours), "config and layers are the same blobs");
    assertTrue(ours.contains("application/vnd.oci.image.layer.v1.tar\""), ours);
    assertNotEquals(digestOf(Node.IMAGE), digestOf("docker.io/retain/converted:1"));
    assertEquals(
        "hello", ctr("run --rm docker.io/retain/converted:1 converted echo hello").strip());
  }

  private static List<String> digests(String manifest) {
    return java.util.regex.Pattern.compile("sha256:[0-9a-f]{64}")
        .matcher(manifest)
        .results()
        .map(java.util.regex.MatchResult::group)
        .toList();
  }

  @Test
  void contentComesFromARegistryAndGoesThere() {
    String remote = registry.host + "/retain/objects:1";
    ctl("images push --plain-http %s %s", remote, Node.IMAGE);
    String manifest = digestOf(Node.IMAGE);
    byte[] there = ctl("content fetch-object --plain-http %s", remote).getBytes();
    assertArrayEquals(ctr("content get %s", manifest).getBytes(), there);
    ctr("images rm --sync docker.io/retain/by-ctr:1 docker.io/retain/converted:1");
    ctl("content fetch --plain-http %s", remote);
    assertEquals(manifest, digestOf(remote));
    String layer = digests(new String(there)).getLast();
    String other = registry.host + "/retain/others:1";
    String config = digests(new String(there)).getFirst();
    ctl("content push-object --plain-http %s %s application/octet-stream", other, layer);
    ctl("content push-object --plain-http %s %s application/octet-stream", other, config);
    ctl(
        "content push-object --plain-http %s %s" + " application/vnd.oci.image.manifest.v1+json",
        other, manifest);
    assertEquals(
        ctr("content get %s", manifest), ctl("content fetch-object --plain-http %s", other));
  }

  @Test
  void aCheckpointThatCannotBeMadeIsSaidWhy() {
    ctr("run -d %s checkpointed sleep 1000", Node.IMAGE);
    try {
      Host.Output output = run("tasks checkpoint checkpointed");
      assertEquals(1, output.code(), output.text());
      assertEquals(1, output.text().strip().lines().count(), output.text());
    } finally {
      ctr("tasks kill -s KILL checkpointed");
      Eventually.holds(
          "the task has ended",
          java.time.Duration.ofSeconds(10),
          () -> ctr("tasks ls").contains("STOPPED"));
      ctr("tasks rm checkpointed");
      ctr("containers rm checkpointed");
    }
  }
}
