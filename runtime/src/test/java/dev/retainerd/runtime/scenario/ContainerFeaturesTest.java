package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.CDIDevice;
import dev.retainerd.wire.cri.v1.Capability;
import dev.retainerd.wire.cri.v1.CheckpointContainerRequest;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.cri.v1.ExecSyncResponse;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.LinuxContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.LinuxContainerSecurityContext;
import dev.retainerd.wire.cri.v1.Mount;
import dev.retainerd.wire.cri.v1.MountPropagation;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.NamespaceOption;
import dev.retainerd.wire.cri.v1.NetworkConfig;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.PodSandboxStatusRequest;
import dev.retainerd.wire.cri.v1.ReopenContainerLogRequest;
import dev.retainerd.wire.cri.v1.RuntimeConfig;
import dev.retainerd.wire.cri.v1.SELinuxOption;
import dev.retainerd.wire.cri.v1.SecurityProfile;
import dev.retainerd.wire.cri.v1.SupplementalGroupsPolicy;
import dev.retainerd.wire.cri.v1.UpdateRuntimeConfigRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a container's configuration asks for, as the container itself sees it. */
class ContainerFeaturesTest extends OneNode {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private Path cdi;

  @Override
  void configure() throws IOException {
    cdi = Files.createDirectories(node.folder().resolve("cdi"));
    Files.writeString(
        node.config(),
        Files.readString(node.config())
            .replace("  sandbox_image", "  cdi_spec_dirs = [\"" + cdi + "\"]\n  sandbox_image"));
  }

  private String run(ContainerConfig.Builder config) {
    return pods.start(pod, "p", config.build());
  }

  private ContainerConfig.Builder sleeper(String name) {
    return pods
        .containerConfig(name, "trap 'exit 0' TERM; while :; do sleep 0.1; done")
        .toBuilder();
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

  private String out(String id, String script) {
    ExecSyncResponse answer = exec(id, script);
    assertEquals(0, answer.getExitCode(), answer.getStderr().toStringUtf8());
    return answer.getStdout().toStringUtf8();
  }

  private static Mount.Builder image(String path) {
    return Mount.newBuilder()
        .setContainerPath(path)
        .setReadonly(true)
        .setImage(ImageSpec.newBuilder().setImage(Node.IMAGE));
  }

  @Test
  void imagesAreMountedReadOnlyAndGoWithTheContainer() {
    ContainerConfig.Builder config =
        sleeper("images")
            .addMounts(image("/whole"))
            .addMounts(image("/part").setImageSubPath("bin"));
    String id = run(config);
    assertTrue(out(id, "ls /whole/bin").contains("busybox"));
    assertTrue(out(id, "ls /part").contains("busybox"));
    assertTrue(out(id, "/whole/bin/busybox echo from the image").contains("from the image"));
    assertTrue(exec(id, "touch /whole/x").getExitCode() != 0);
    Mount shown =
        pods.status(id).getMountsList().stream()
            .filter(m -> m.getContainerPath().equals("/whole"))
            .findFirst()
            .orElseThrow();
    assertTrue(shown.getImage().getImageRef().startsWith("sha256:"), shown.toString());
    // They stand through a restart of the daemon, and go with the container.
    node.killDaemon();
    node.start();
    assertTrue(out(id, "ls /part").contains("busybox"));
    pods.stop(id, 1);
    pods.remove(id);
    assertEquals(List.of(), Host.mountsBelow(node.state().resolve("image-mounts")));
    assertEquals(0, node.state().resolve("image-mounts").toFile().list().length);
  }

  @Test
  void devicesByCdiBringNodesMountsAndEnvironment() throws Exception {
    Path file = Files.writeString(node.folder().resolve("driver.txt"), "the driver\n");
    Files.writeString(
        cdi.resolve("vendor.yaml"),
        """
        cdiVersion: "0.6.0"
        kind: "vendor.example/null"
        containerEdits:
          env:
          - "VENDOR=yes"
        devices:
        - name: "one"
          containerEdits:
            deviceNodes:
            - path: "/dev/vendor-one"
              hostPath: "/dev/null"
            mounts:
            - hostPath: "%s"
              containerPath: "/driver.txt"
              options: ["ro", "bind"]
        """
            .formatted(file));
    String id =
        run(
            sleeper("cdi")
                .addCDIDevices(CDIDevice.newBuilder().setName("vendor.example/null=one")));
    assertEquals("yes\n", out(id, "echo $VENDOR"));
    assertEquals("the driver\n", out(id, "cat /driver.txt"));
    assertEquals("", out(id, "echo gone > /dev/vendor-one; cat /dev/vendor-one"));
    pods.stop(id, 1);
    pods.remove(id);
  }

  private static LinuxContainerConfig.Builder secured(
      LinuxContainerSecurityContext.Builder security) {
    return LinuxContainerConfig.newBuilder().setSecurityContext(security);
  }

  private static LinuxContainerSecurityContext.Builder security(NamespaceMode pids) {
    return LinuxContainerSecurityContext.newBuilder()
        .setNamespaceOptions(NamespaceOption.newBuilder().setPid(pids));
  }

  @Test
  void processesOfTheTargetAreSeen() {
    String target = run(sleeper("target"));
    NamespaceOption options =
        NamespaceOption.newBuilder().setPid(NamespaceMode.TARGET).setTargetId(target).build();
    String id =
        run(
            sleeper("debugger")
                .setLinux(
                    secured(
                        LinuxContainerSecurityContext.newBuilder().setNamespaceOptions(options))));
    assertEquals(out(target, "readlink /proc/self/ns/pid"), out(id, "readlink /proc/self/ns/pid"));
    pods.stop(id, 1);
    pods.stop(target, 1);
    pods.remove(id);
    pods.remove(target);
  }

  @Test
  void strictGroupsLeaveThoseOfTheImageOut() {
    LinuxContainerSecurityContext.Builder strict =
        security(NamespaceMode.CONTAINER)
            .setSupplementalGroupsPolicy(SupplementalGroupsPolicy.Strict)
            .addSupplementalGroups(4242);
    String id = run(sleeper("strict").setLinux(secured(strict)));
    assertEquals("0 4242", out(id, "id -G").strip());
    assertEquals(
        List.of(0L, 4242L), pods.status(id).getUser().getLinux().getSupplementalGroupsList());
    pods.stop(id, 1);
    pods.remove(id);
  }

  @Test
  void recursiveReadOnlyReachesMountsBelow() throws Exception {
    Path outer = Files.createDirectories(node.folder().resolve("outer/inner"));
    Host.run(5, List.of("mount", "-t", "tmpfs", "t", outer.toString())).expectSuccess();
    try {
      Mount.Builder mount =
          Mount.newBuilder()
              .setContainerPath("/outer")
              .setHostPath(outer.getParent().toString())
              .setReadonly(true);
      String plain = run(sleeper("ro").addMounts(mount));
      assertEquals(0, exec(plain, "touch /outer/inner/x").getExitCode());
      String deep = run(sleeper("rro").addMounts(mount.clone().setRecursiveReadOnly(true)));
      assertTrue(exec(deep, "touch /outer/inner/x").getExitCode() != 0);
      for (String id : List.of(plain, deep)) {
        pods.stop(id, 1);
        pods.remove(id);
      }
    } finally {
      Host.run(5, List.of("umount", "-l", outer.toString()));
    }
  }

  @Test
  void aMissingHostPathIsMadeAndALinkIsFollowed() throws Exception {
    Path missing = node.folder().resolve("made/for/you");
    Path real = Files.createDirectories(node.folder().resolve("real"));
    Files.writeString(real.resolve("flag"), "");
    Path link = Files.createSymbolicLink(node.folder().resolve("link"), real);
    String id =
        run(
            sleeper("paths")
                .addMounts(
                    Mount.newBuilder().setContainerPath("/a").setHostPath(missing.toString()))
                .addMounts(Mount.newBuilder().setContainerPath("/b").setHostPath(link.toString())));
    assertEquals("flag\n", out(id, "ls /b; ls /a"));
    assertTrue(Files.isDirectory(missing));
    pods.stop(id, 1);
    pods.remove(id);
  }

  private static void host(String... command) {
    Host.run(10, List.of(command)).expectSuccess();
  }

  private static Mount.Builder from(Path source, String target, MountPropagation propagation) {
    return Mount.newBuilder()
        .setHostPath(source.toString())
        .setContainerPath(target)
        .setPropagation(propagation);
  }

  @Test
  void mountsArePropagatedAsAsked() throws Exception {
    Path shared = Files.createDirectories(node.folder().resolve("shared"));
    host("mount", "-t", "tmpfs", "shared", shared.toString());
    try {
      host("mount", "--make-rshared", shared.toString());
      String id =
          run(
              sleeper("propagation")
                  .addMounts(from(shared, "/private", MountPropagation.PROPAGATION_PRIVATE))
                  .addMounts(from(shared, "/slave", MountPropagation.PROPAGATION_HOST_TO_CONTAINER))
                  .addMounts(from(shared, "/both", MountPropagation.PROPAGATION_BIDIRECTIONAL))
                  .setLinux(
                      secured(
                          security(NamespaceMode.CONTAINER)
                              .setCapabilities(
                                  Capability.newBuilder().addAddCapabilities("SYS_ADMIN")))));
      Path late = Files.createDirectory(shared.resolve("late"));
      host("mount", "-t", "tmpfs", "late", late.toString());
      Files.createFile(late.resolve("file"));
      assertEquals("", out(id, "ls /private/late"));
      assertEquals("file\n", out(id, "ls /slave/late"));
      assertEquals("file\n", out(id, "ls /both/late"));

      String mount = "busybox mkdir %1$s && busybox mount -t tmpfs in %1$s && echo > %1$s/file";
      out(id, mount.formatted("/both/inner"));
      assertTrue(Files.exists(shared.resolve("inner/file")));
      assertEquals("", out(id, "ls /private/inner"));
      assertEquals("file\n", out(id, "ls /slave/inner"));
      out(id, mount.formatted("/slave/own"));
      assertEquals(List.of(), List.of(shared.resolve("own").toFile().list()));
      pods.stop(id, 1);
      pods.remove(id);

      host("mount", "--make-rprivate", shared.toString());
      StatusRuntimeException refused =
          assertThrows(
              StatusRuntimeException.class,
              () ->
                  run(
                      sleeper("unshared")
                          .addMounts(
                              from(shared, "/b", MountPropagation.PROPAGATION_BIDIRECTIONAL))));
      assertEquals(Status.Code.FAILED_PRECONDITION, refused.getStatus().getCode());
      assertTrue(refused.getMessage().contains("--make-rshared"), refused.getMessage());
    } finally {
      host("umount", "-R", "-l", shared.toString());
    }
  }

  @Test
  void overheadOfARuntimeClassIsKeptWithThePod() {
    PodSandboxConfig plain = pods.config("overhead");
    PodSandboxConfig config =
        plain.toBuilder()
            .setLinux(
                plain.getLinux().toBuilder()
                    .setOverhead(
                        LinuxContainerResources.newBuilder().setMemoryLimitInBytes(7 << 20)))
            .build();
    String own = pods.run(config);
    String info =
        node.cri()
            .podSandboxStatus(
                PodSandboxStatusRequest.newBuilder().setPodSandboxId(own).setVerbose(true).build())
            .getInfoOrThrow("info");
    assertTrue(info.contains("\"overhead\":{\"memory_limit_in_bytes\":7340032"), info);
    pods.stopPod(own);
    pods.removePod(own);
    // What kubelet tells of the cluster's addresses is CNI's affair here, as with containerd.
    node.cri()
        .updateRuntimeConfig(
            UpdateRuntimeConfigRequest.newBuilder()
                .setRuntimeConfig(
                    RuntimeConfig.newBuilder()
                        .setNetworkConfig(NetworkConfig.newBuilder().setPodCidr("10.5.0.0/24")))
                .build());
  }

  @Test
  void reopenedLogsBeginAnewAndLoseNothing() throws Exception {
    String id = run(pods.containerConfig("rotated", Pods.COUNTER).toBuilder());
    Eventually.holds("some lines", PATIENCE, () -> pods.log("p", "rotated").size() > 3);
    Path log = node.pods().resolve("p/rotated.log");
    Files.move(log, node.pods().resolve("p/rotated.log.1"));
    node.cri()
        .reopenContainerLog(ReopenContainerLogRequest.newBuilder().setContainerId(id).build());
    assertTrue(Files.exists(log));
    Eventually.holds("new lines", PATIENCE, () -> pods.log("p", "rotated").size() > 3);
    List<String> old = Files.readAllLines(node.pods().resolve("p/rotated.log.1"));
    String last = old.getLast().split(" ", 4)[3];
    String next = pods.log("p", "rotated").getFirst().split(" ", 4)[3];
    assertEquals(Integer.parseInt(last.split(" ")[1]) + 1, Integer.parseInt(next.split(" ")[1]));
    pods.stop(id, 5);
    pods.remove(id);
  }

  @Test
  void exitReasonsAreThoseKubeletKnows() {
    String completed = pods.start(pod, "p", "completed", "true");
    String failed = pods.start(pod, "p", "failed", "exit 9");
    Eventually.holds(
        "two ends",
        PATIENCE,
        () ->
            pods.status(completed).getState() == ContainerState.CONTAINER_EXITED
                && pods.status(failed).getState() == ContainerState.CONTAINER_EXITED);
    assertEquals("Completed", pods.status(completed).getReason());
    assertEquals("Error", pods.status(failed).getReason());
    String never =
        node.cri()
            .createContainer(
                CreateContainerRequest.newBuilder()
                    .setPodSandboxId(pod)
                    .setConfig(
                        pods.containerConfig("never", "").toBuilder()
                            .clearCommand()
                            .addCommand("/no/such/program"))
                    .setSandboxConfig(pods.config("p"))
                    .build())
            .getContainerId();
    try {
      pods.start(never);
      throw new AssertionError("a program that is not there was started");
    } catch (StatusRuntimeException e) {
      assertTrue(e.getMessage().contains("/no/such/program"), e.getMessage());
    }
    assertEquals("StartError", pods.status(never).getReason());
    assertEquals(128, pods.status(never).getExitCode());
    for (String id : List.of(completed, failed, never)) {
      pods.remove(id);
    }
  }

  /**
   * This machine has neither AppArmor nor SELinux; on one that has them there is nothing to see.
   */
  @Test
  void profilesThatTheHostCannotEnforceAreRefused() {
    boolean apparmor = Files.exists(Path.of("/sys/kernel/security/apparmor"));
    boolean selinux = Files.exists(Path.of("/sys/fs/selinux/enforce"));
    if (!apparmor) {
      refused(
          "AppArmor",
          security(NamespaceMode.CONTAINER)
              .setApparmor(
                  SecurityProfile.newBuilder()
                      .setProfileType(SecurityProfile.ProfileType.RuntimeDefault)));
    }
    if (!selinux) {
      refused(
          "SELinux",
          security(NamespaceMode.CONTAINER)
              .setSelinuxOptions(SELinuxOption.newBuilder().setLevel("s0:c1,c2")));
    }
  }

  private void refused(String named, LinuxContainerSecurityContext.Builder security) {
    StatusRuntimeException refused =
        assertThrows(
            StatusRuntimeException.class,
            () -> run(sleeper("profile").setLinux(secured(security))));
    assertEquals(Status.Code.FAILED_PRECONDITION, refused.getStatus().getCode());
    assertTrue(refused.getMessage().contains(named), refused.getMessage());
  }

  @Test
  void aCheckpointIsAnArchiveOrAClearRefusal() {
    String id = run(sleeper("checkpointed"));
    Path archive = node.folder().resolve("checkpoint.tar");
    try {
      node.cri()
          .checkpointContainer(
              CheckpointContainerRequest.newBuilder()
                  .setContainerId(id)
                  .setLocation(archive.toString())
                  .setTimeout(30)
                  .build());
      String names = Host.run(10, List.of("tar", "tf", archive.toString())).expectSuccess();
      assertTrue(names.contains("checkpoint/") && names.contains("spec.dump"), names);
    } catch (StatusRuntimeException e) {
      assertEquals(Status.Code.FAILED_PRECONDITION, e.getStatus().getCode(), e.getMessage());
      assertTrue(e.getMessage().contains("criu"), e.getMessage());
      assertTrue(!Files.exists(archive));
    }
    assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(id).getState());
    pods.stop(id, 1);
    pods.remove(id);
  }
}
