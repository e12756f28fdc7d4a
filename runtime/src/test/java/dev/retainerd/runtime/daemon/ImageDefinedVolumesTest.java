package dev.retainerd.runtime.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.retainerd.runtime.container.ContainerFolders;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.Mount;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageDefinedVolumesTest {
  @TempDir Path folder;
  private Path rootfs;
  private ContainerFolders containers;

  @BeforeEach
  void image() throws Exception {
    rootfs = Files.createDirectories(folder.resolve("rootfs"));
    containers = ContainerFolders.below(folder, "k8s.io");
    Files.createDirectories(rootfs.resolve("data"));
    Files.writeString(rootfs.resolve("data/file"), "content");
    Files.setPosixFilePermissions(
        rootfs.resolve("data/file"), PosixFilePermissions.fromString("r--r-----"));
  }

  private static JsonObject declaring(String... paths) {
    JsonObject volumes = new JsonObject();
    for (String path : paths) {
      volumes.add(path, JsonParser.parseString("{}"));
    }
    JsonObject image = new JsonObject();
    image.add("Volumes", volumes);
    return image;
  }

  private ContainerConfig added(ContainerConfig config, JsonObject image) {
    return new ImageDefinedVolumes(containers, false).added(config, image, "c1", rootfs);
  }

  @Test
  void aVolumeBeginsWithWhatTheImageHasThere() throws Exception {
    ContainerConfig config = added(ContainerConfig.getDefaultInstance(), declaring("/data"));
    Mount mount = config.getMounts(0);
    assertEquals("/data", mount.getContainerPath());
    assertFalse(mount.getReadonly());
    Path copied = Path.of(mount.getHostPath()).resolve("file");
    assertEquals("content", Files.readString(copied));
    assertEquals("r--r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(copied)));
    assertEquals(folder.resolve("io.containerd.grpc.v1.cri/containers/c1/volumes/0/file"), copied);
  }

  @Test
  void aFolderThatTheImageLacksIsEmpty() throws Exception {
    ContainerConfig config = added(ContainerConfig.getDefaultInstance(), declaring("/none", "/:x"));
    assertEquals(2, config.getMountsCount());
    assertEquals(0, Path.of(config.getMounts(0).getHostPath()).toFile().list().length);
  }

  @Test
  void whatTheRequestMountsItselfIsLeftAlone() {
    ContainerConfig own =
        ContainerConfig.newBuilder()
            .addMounts(Mount.newBuilder().setContainerPath("/data/").setHostPath("/tmp"))
            .build();
    assertEquals(own, added(own, declaring("/data")));
    assertEquals(
        own, new ImageDefinedVolumes(containers, true).added(own, declaring("/x"), "c1", rootfs));
    assertEquals(own, added(own, new JsonObject()));
  }

  @Test
  void aLinkInTheImageLeadsNowhereElse() throws Exception {
    Files.createSymbolicLink(rootfs.resolve("out"), Path.of("/etc"));
    ContainerConfig config = added(ContainerConfig.getDefaultInstance(), declaring("/out"));
    assertEquals(0, Path.of(config.getMounts(0).getHostPath()).toFile().list().length);
  }

  @Test
  void aContainerWhoseFolderLiesWhereItWasMadeBeforeKeepsIt() throws Exception {
    Path before = Files.createDirectories(folder.resolve("containers/k8s.io/c1"));
    assertEquals(before, containers.folder("c1"));
    assertEquals(
        folder.resolve("io.containerd.grpc.v1.cri/containers/c2"), containers.folder("c2"));
  }
}
