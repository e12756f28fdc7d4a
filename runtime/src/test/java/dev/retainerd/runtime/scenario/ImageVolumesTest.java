package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.cri.v1.ImageSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Folders that an image declares as volumes: each container has its own, where containerd's CRI
 * plugin would have it, filled from the image, for as long as the container is there.
 */
@Tag("real")
class ImageVolumesTest {
  private static Node node;
  private static Pods pods;
  private static String pod;
  private static String image;

  @BeforeAll
  static void start() {
    node = Node.started();
    pods = new Pods(node);
    image =
        new MadeImage(node, "docker.io/retain/volumes:1")
            .withBusybox()
            .withFile("data/file", "of the image\n")
            .owned("data", "65534:65534", "750")
            .owned("data/file", "4242:4243", "640")
            .withVolume("/data")
            .importInto("k8s.io");
    pod = pods.run("p");
  }

  @AfterAll
  static void close() {
    node.close();
  }

  private static String run(String name) {
    String id =
        node.cri()
            .createContainer(
                CreateContainerRequest.newBuilder()
                    .setPodSandboxId(pod)
                    .setConfig(
                        pods
                            .containerConfig(
                                name, "trap 'exit 0' TERM; while :; do sleep 0.1; done")
                            .toBuilder()
                            .setImage(ImageSpec.newBuilder().setImage(image)))
                    .setSandboxConfig(pods.config("p"))
                    .build())
            .getContainerId();
    pods.start(id);
    return id;
  }

  private static String out(String id, String script) {
    return node.cri()
        .execSync(
            ExecSyncRequest.newBuilder()
                .setContainerId(id)
                .addAllCmd(List.of("/bin/sh", "-c", script))
                .setTimeout(20)
                .build())
        .getStdout()
        .toStringUtf8();
  }

  private static Path folder(String id) {
    return node.root().resolve("io.containerd.grpc.v1.cri/containers").resolve(id);
  }

  /** The one volume of the container, as an operator finds it. */
  private static Path volume(String id) throws IOException {
    try (Stream<Path> all = Files.list(folder(id).resolve("volumes"))) {
      List<Path> found = all.toList();
      assertEquals(1, found.size(), found.toString());
      return found.getFirst();
    }
  }

  private static String owner(Path path) {
    return Host.run(5, List.of("stat", "-c", "%u:%g %a", path.toString())).expectSuccess().strip();
  }

  @Test
  void aVolumeIsFilledFromTheImageAndLivesAsLongAsItsContainer() throws Exception {
    String id = run("one");
    Path volume = volume(id);
    assertEquals("of the image\n", Files.readString(volume.resolve("file")));
    assertEquals("65534:65534 750", owner(volume));
    assertEquals("4242:4243 640", owner(volume.resolve("file")));
    assertEquals(
        "65534:65534 4242:4243\n", out(id, "echo $(stat -c %u:%g /data) $(stat -c %u:%g /data/*)"));

    out(id, "echo of the container > /data/file");
    assertEquals("of the container\n", Files.readString(volume.resolve("file")));
    node.killDaemon();
    node.start();
    assertEquals("of the container\n", out(id, "cat /data/file"));

    String other = run("two");
    assertEquals("of the image\n", out(other, "cat /data/file"));
    pods.stop(id, 1);
    assertEquals("of the container\n", Files.readString(volume.resolve("file")));
    pods.remove(id);
    assertFalse(Files.exists(folder(id)));
    assertEquals("of the image\n", out(other, "cat /data/file"));
    pods.stop(other, 1);
    pods.remove(other);
    assertFalse(Files.exists(folder(other)));
  }
}
