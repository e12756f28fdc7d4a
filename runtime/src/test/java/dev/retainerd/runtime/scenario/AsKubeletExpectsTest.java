package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ContainerStatsRequest;
import dev.retainerd.wire.cri.v1.ContainerStatus;
import dev.retainerd.wire.cri.v1.ContainerStatusRequest;
import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.cri.v1.ExecSyncResponse;
import dev.retainerd.wire.cri.v1.ImageFsInfoRequest;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.ImageStatusRequest;
import dev.retainerd.wire.cri.v1.ImageStatusResponse;
import dev.retainerd.wire.cri.v1.LinuxContainerConfig;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.NamespaceOption;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.PodSandboxStatusRequest;
import dev.retainerd.wire.cri.v1.PodSandboxStatusResponse;
import dev.retainerd.wire.cri.v1.Signal;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Small print of the contract that a kubelet, crictl or their tests look at. */
class AsKubeletExpectsTest extends OneNode {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String SLEEP = "while :; do sleep 0.2; done";

  private String create(String pod, PodSandboxConfig podConfig, ContainerConfig config) {
    return node.cri()
        .createContainer(
            CreateContainerRequest.newBuilder()
                .setPodSandboxId(pod)
                .setConfig(config)
                .setSandboxConfig(podConfig)
                .build())
        .getContainerId();
  }

  private String create(ContainerConfig config) {
    return create(pod, pods.config("p"), config);
  }

  private ExecSyncResponse exec(String id, String script) {
    return node.cri()
        .execSync(
            ExecSyncRequest.newBuilder()
                .setContainerId(id)
                .addAllCmd(List.of("/bin/sh", "-c", script))
                .setTimeout(20)
                .build());
  }

  private ImageStatusResponse image(String name) {
    return node.images()
        .imageStatus(
            ImageStatusRequest.newBuilder()
                .setImage(ImageSpec.newBuilder().setImage(name))
                .setVerbose(true)
                .build());
  }

  @Test
  void theSignalThatARequestNamesEndsItsContainer() {
    for (Signal signal :
        List.of(Signal.SIGNAL_SIGUSR1, Signal.SIGNAL_SIGHUP, Signal.SIGNAL_SIGRTMINPLUS3)) {
      int number =
          switch (signal) {
            case SIGNAL_SIGUSR1 -> 10;
            case SIGNAL_SIGHUP -> 1;
            default -> 37;
          };
      String id =
          create(
              pods
                  .containerConfig(
                      "signal-" + number,
                      "trap 'exit 7' " + number + "; echo up; while :; do sleep 0.1; done")
                  .toBuilder()
                  .setStopSignal(signal)
                  .build());
      pods.start(id);
      Eventually.holds("its trap", PATIENCE, () -> !pods.log("p", "signal-" + number).isEmpty());
      assertEquals(signal, pods.status(id).getStopSignal());
      pods.stop(id, 20);
      assertEquals(7, pods.status(id).getExitCode(), signal.name());
      pods.remove(id);
    }
    StatusRuntimeException refused =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                create(
                    pods.containerConfig("no-signal", SLEEP).toBuilder()
                        .setStopSignalValue(999)
                        .build()));
    assertEquals(Status.Code.INVALID_ARGUMENT, refused.getStatus().getCode());
  }

  @Test
  void aContainerThatCouldNotBeStartedIsNeverStarted() {
    String id =
        create(
            pods.containerConfig("unstartable", SLEEP).toBuilder()
                .clearCommand()
                .addCommand("no-such-command")
                .build());
    assertThrows(StatusRuntimeException.class, () -> pods.start(id));
    ContainerStatus status = pods.status(id);
    assertEquals(ContainerState.CONTAINER_EXITED, status.getState());
    StatusRuntimeException again = assertThrows(StatusRuntimeException.class, () -> pods.start(id));
    assertEquals(Status.Code.FAILED_PRECONDITION, again.getStatus().getCode());
    assertEquals(status, pods.status(id));
    pods.stop(id, 1);
    pods.remove(id);
  }

  @Test
  void noContainerEndsBeforeItBegan() {
    for (int i = 0; i < 8; i++) {
      String id = create(pods.containerConfig("short-" + i, "exit 0"));
      pods.start(id);
      Eventually.holds(
          "its end", PATIENCE, () -> pods.status(id).getState() == ContainerState.CONTAINER_EXITED);
      ContainerStatus status = pods.status(id);
      assertTrue(status.getCreatedAt() <= status.getStartedAt(), status::toString);
      assertTrue(status.getStartedAt() <= status.getFinishedAt(), status::toString);
      pods.remove(id);
    }
  }

  /** What it pulled, a kubelet asks for by id, and shows by what the status says. */
  @Test
  void aStatusNamesTheImageByItsTagAndItsDigest() {
    String digest =
        node.ctrIn("k8s.io", "images", "ls")
            .expectSuccess()
            .lines()
            .filter(line -> line.startsWith(Node.IMAGE + " "))
            .map(line -> line.split("\\s+")[2])
            .findFirst()
            .orElseThrow();
    String other = "example.org/mirrored@" + digest;
    String own = Node.IMAGE.substring(0, Node.IMAGE.lastIndexOf(':')) + "@" + digest;
    for (String name : List.of(other, own)) {
      node.ctrIn("k8s.io", "images", "tag", Node.IMAGE, name).expectSuccess();
    }
    String id = image(Node.IMAGE).getImage().getId();
    String container =
        create(
            pods.containerConfig("named", SLEEP).toBuilder()
                .setImage(ImageSpec.newBuilder().setImage(id).setUserSpecifiedImage(Node.IMAGE))
                .build());
    ContainerStatus status = pods.status(container);
    assertEquals(Node.IMAGE, status.getImage().getImage());
    assertEquals(Node.IMAGE, status.getImage().getUserSpecifiedImage());
    assertEquals(own, status.getImageRef());
    assertEquals(id, status.getImageId());
    pods.remove(container);
    for (String name : List.of(other, own)) {
      node.ctrIn("k8s.io", "images", "rm", name).expectSuccess();
    }
  }

  @Test
  void aVerboseImageShowsItsWholeConfiguration() {
    JsonObject info =
        JsonParser.parseString(image(Node.IMAGE).getInfoOrThrow("info")).getAsJsonObject();
    JsonObject spec = info.getAsJsonObject("imageSpec");
    assertEquals("linux", spec.get("os").getAsString());
    assertTrue(spec.has("architecture") && spec.has("config"), spec::toString);
    assertEquals(
        "layers", spec.getAsJsonObject("rootfs").get("type").getAsString(), spec::toString);
  }

  @Test
  void imagesAndWhatContainersWriteAreOnOneFileSystem() {
    String id = create(pods.containerConfig("counted", SLEEP));
    pods.start(id);
    String ofContainer =
        node.cri()
            .containerStats(ContainerStatsRequest.newBuilder().setContainerId(id).build())
            .getStats()
            .getWritableLayer()
            .getFsId()
            .getMountpoint();
    var info = node.images().imageFsInfo(ImageFsInfoRequest.getDefaultInstance());
    assertEquals(info.getImageFilesystems(0).getFsId().getMountpoint(), ofContainer);
    assertEquals(info.getContainerFilesystems(0).getFsId().getMountpoint(), ofContainer);
    pods.stop(id, 0);
    pods.remove(id);
  }

  @Test
  void aPodsStatusCarriesThoseOfItsContainersAndItsTime() {
    String id = create(pods.containerConfig("carried", SLEEP));
    long before = System.currentTimeMillis() * 1_000_000;
    PodSandboxStatusResponse answer =
        node.cri()
            .podSandboxStatus(PodSandboxStatusRequest.newBuilder().setPodSandboxId(pod).build());
    assertTrue(answer.getTimestamp() >= before, answer::toString);
    assertTrue(answer.getContainersStatusesList().contains(pods.status(id)), answer::toString);
    pods.remove(id);
  }

  @Test
  void aVolumeOfTheImageIsMountedBelowTheRootAlsoWhereItsPathIsRelative() {
    String made =
        new MadeImage(node, "docker.io/retain/relative:1")
            .withBusybox()
            .withFile("odd:/data/file", "from the image\n")
            .withVolume("odd:/data")
            .importInto("k8s.io");
    String id =
        create(
            pods.containerConfig("relative", SLEEP).toBuilder()
                .setImage(ImageSpec.newBuilder().setImage(made))
                .build());
    pods.start(id);
    assertEquals("from the image\n", exec(id, "cat /odd:/data/file").getStdout().toStringUtf8());
    String info =
        node.cri()
            .containerStatus(
                ContainerStatusRequest.newBuilder().setContainerId(id).setVerbose(true).build())
            .getInfoOrThrow("info");
    List<String> targets =
        JsonParser.parseString(info)
            .getAsJsonObject()
            .getAsJsonObject("runtimeSpec")
            .getAsJsonArray("mounts")
            .asList()
            .stream()
            .map(mount -> mount.getAsJsonObject().get("destination").getAsString())
            .toList();
    assertTrue(targets.contains("/odd:/data"), targets::toString);
    pods.stop(id, 0);
    pods.remove(id);
  }

  @Test
  void theSandboxImageIsPinnedWhoeverBringsIt() {
    Eventually.holds(
        "the mark of containerd's CRI",
        PATIENCE,
        () ->
            node.ctrIn("k8s.io", "images", "ls", "name==" + Node.IMAGE)
                .expectSuccess()
                .contains("io.cri-containerd.pinned=pinned"));
    assertTrue(image(Node.IMAGE).getImage().getPinned());
  }

  /** The mounts of a network namespace's sysfs are one, and as read-only as the first of them. */
  @Test
  void onlyPrivilegedContainersMayWriteToSysfs() {
    for (NamespaceMode pids : List.of(NamespaceMode.POD, NamespaceMode.CONTAINER)) {
      PodSandboxConfig.Builder config = pods.config("sysfs-" + pids, pids).toBuilder();
      config.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true);
      String own = pods.run(config.build());
      String plain = create(own, config.build(), contained("plain", pids, false));
      pods.start(plain);
      String mighty = create(own, config.build(), contained("mighty", pids, true));
      pods.start(mighty);
      String write = "f=/sys/class/net/lo/ifalias; echo mine > $f && cat $f";
      ExecSyncResponse written = exec(mighty, write);
      assertEquals("mine\n", written.getStdout().toStringUtf8(), written::toString);
      ExecSyncResponse refused = exec(plain, write);
      assertTrue(refused.getExitCode() != 0, refused::toString);
      assertTrue(
          refused.getStderr().toStringUtf8().contains("Read-only file system"), refused::toString);
      pods.stopPod(own);
      pods.removePod(own);
    }
  }

  private ContainerConfig contained(String name, NamespaceMode pids, boolean privileged) {
    LinuxContainerConfig.Builder linux = LinuxContainerConfig.newBuilder();
    linux
        .getSecurityContextBuilder()
        .setPrivileged(privileged)
        .setNamespaceOptions(NamespaceOption.newBuilder().setPid(pids));
    return pods.containerConfig(name, SLEEP).toBuilder().setLinux(linux).build();
  }
}
