package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.CDIDevice;
import dev.retainerd.wire.cri.v1.CheckpointContainerRequest;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerMetadata;
import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.Device;
import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.Int64Value;
import dev.retainerd.wire.cri.v1.LinuxContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.LinuxContainerSecurityContext;
import dev.retainerd.wire.cri.v1.LinuxPodSandboxConfig;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.Mount;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.PodSandboxMetadata;
import dev.retainerd.wire.cri.v1.PortMapping;
import dev.retainerd.wire.cri.v1.PullImageRequest;
import dev.retainerd.wire.cri.v1.RemoveContainerRequest;
import dev.retainerd.wire.cri.v1.RemovePodSandboxRequest;
import dev.retainerd.wire.cri.v1.ReopenContainerLogRequest;
import dev.retainerd.wire.cri.v1.RunPodSandboxRequest;
import dev.retainerd.wire.cri.v1.SecurityProfile;
import dev.retainerd.wire.cri.v1.StartContainerRequest;
import dev.retainerd.wire.cri.v1.StopContainerRequest;
import dev.retainerd.wire.cri.v1.StopPodSandboxRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Requests that are wrong in one thing: the right code, one sentence, nothing left behind. */
class BadCriRequestsTest extends OneNode {
  private static final String LONG = "x".repeat(10_000);
  private static final Set<Status.Code> WRONG =
      EnumSet.of(
          Status.Code.INVALID_ARGUMENT, Status.Code.NOT_FOUND, Status.Code.FAILED_PRECONDITION);

  private static void refused(String what, Set<Status.Code> codes, Runnable call) {
    try {
      call.run();
    } catch (StatusRuntimeException e) {
      String sentence = String.valueOf(e.getStatus().getDescription());
      assertTrue(codes.contains(e.getStatus().getCode()), what + ": " + e.getMessage());
      assertTrue(sentence.length() < 1000, what + ": " + sentence.length() + " characters");
      assertTrue(
          !sentence.contains("\n") && !sentence.contains("Exception"), what + ": " + sentence);
      return;
    }
    throw new AssertionError(what + " was not refused");
  }

  private PodSandboxConfig podWith(UnaryOperator<PodSandboxConfig.Builder> change) {
    return change.apply(pods.config("bad").toBuilder()).build();
  }

  @Test
  void podsThatAreWrongInOneThing() {
    Map<String, PodSandboxConfig> wrong = new LinkedHashMap<>();
    wrong.put("no config", PodSandboxConfig.getDefaultInstance());
    wrong.put("no metadata", podWith(PodSandboxConfig.Builder::clearMetadata));
    PodSandboxMetadata whole = pods.config("bad").getMetadata();
    wrong.put("no name", podWith(p -> p.setMetadata(whole.toBuilder().clearName())));
    wrong.put("no namespace", podWith(p -> p.setMetadata(whole.toBuilder().clearNamespace())));
    wrong.put("no uid", podWith(p -> p.setMetadata(whole.toBuilder().clearUid())));
    wrong.put("long name", podWith(p -> p.setMetadata(whole.toBuilder().setName(LONG))));
    wrong.put("long uid", podWith(p -> p.setMetadata(whole.toBuilder().setUid(LONG))));
    wrong.put("long hostname", podWith(p -> p.setHostname(LONG)));
    wrong.put("hostname with a line", podWith(p -> p.setHostname("a\nb")));
    wrong.put("climbing cgroup", podWith(p -> p.setLinux(linux().setCgroupParent("/../../x"))));
    wrong.put(
        "the node's sysctl", podWith(p -> p.setLinux(linux().putSysctls("kernel.panic", "1"))));
    wrong.put("climbing sysctl", podWith(p -> p.setLinux(linux().putSysctls("net/../../x", "1"))));
    wrong.put(
        "huge port",
        podWith(
            p ->
                p.addPortMappings(
                    PortMapping.newBuilder().setHostPort(70_000).setContainerPort(80))));
    wrong.put(
        "negative port",
        podWith(
            p -> p.addPortMappings(PortMapping.newBuilder().setHostPort(80).setContainerPort(-1))));
    wrong.put("annotations of megabytes", podWith(p -> p.putAnnotations("a", LONG.repeat(300))));
    wrong.forEach(
        (what, config) ->
            refused(
                what,
                WRONG,
                () ->
                    node.cri()
                        .runPodSandbox(
                            RunPodSandboxRequest.newBuilder().setConfig(config).build())));
    refused(
        "unknown handler",
        WRONG,
        () ->
            node.cri()
                .runPodSandbox(
                    RunPodSandboxRequest.newBuilder()
                        .setConfig(pods.config("bad"))
                        .setRuntimeHandler("nobody")
                        .build()));
    assertEquals(
        1, node.cri().listPodSandbox(ListPodSandboxRequest.getDefaultInstance()).getItemsCount());
  }

  private LinuxPodSandboxConfig.Builder linux() {
    return pods.config("bad").getLinux().toBuilder();
  }

  private ContainerConfig with(UnaryOperator<ContainerConfig.Builder> change) {
    return change.apply(pods.containerConfig("bad", "true").toBuilder()).build();
  }

  private ContainerConfig mounted(Mount.Builder mount) {
    return with(c -> c.addMounts(mount));
  }

  private ContainerConfig limited(LinuxContainerResources.Builder resources) {
    return with(c -> c.setLinux(LinuxContainerConfig.newBuilder().setResources(resources)));
  }

  private ContainerConfig secured(LinuxContainerSecurityContext.Builder security) {
    return with(c -> c.setLinux(LinuxContainerConfig.newBuilder().setSecurityContext(security)));
  }

  @Test
  void containersThatAreWrongInOneThing() {
    Map<String, ContainerConfig> wrong = new LinkedHashMap<>();
    wrong.put("no config", ContainerConfig.getDefaultInstance());
    wrong.put("no metadata", with(ContainerConfig.Builder::clearMetadata));
    wrong.put("no image", with(ContainerConfig.Builder::clearImage));
    wrong.put("unknown image", with(c -> c.setImage(ImageSpec.newBuilder().setImage("no/such:1"))));
    wrong.put("long name", with(c -> c.setMetadata(ContainerMetadata.newBuilder().setName(LONG))));
    wrong.put("climbing log", with(c -> c.setLogPath("../../../tmp/x.log")));
    wrong.put("relative folder", with(c -> c.setWorkingDir("here")));
    wrong.put("zero byte", with(c -> c.addArgs("a\0b")));
    Mount.Builder mount = Mount.newBuilder().setHostPath("/tmp").setContainerPath("/x");
    wrong.put("mount on /proc", mounted(mount.clone().setContainerPath("/proc")));
    wrong.put("mount in /proc", mounted(mount.clone().setContainerPath("/proc/sys")));
    wrong.put("mount climbing", mounted(mount.clone().setContainerPath("/x/../proc")));
    wrong.put("mount on /", mounted(mount.clone().setContainerPath("/")));
    wrong.put("mount on nothing", mounted(mount.clone().clearContainerPath()));
    wrong.put("mount of nothing", mounted(mount.clone().clearHostPath()));
    wrong.put("relative mount", mounted(mount.clone().setHostPath("tmp")));
    wrong.put(
        "written image",
        mounted(
            Mount.newBuilder()
                .setContainerPath("/x")
                .setImage(ImageSpec.newBuilder().setImage(Node.IMAGE))));
    wrong.put(
        "unknown image mount",
        mounted(
            Mount.newBuilder()
                .setContainerPath("/x")
                .setReadonly(true)
                .setImage(ImageSpec.newBuilder().setImage("no/such:1"))));
    wrong.put(
        "climbing sub path",
        mounted(
            Mount.newBuilder()
                .setContainerPath("/x")
                .setReadonly(true)
                .setImageSubPath("../..")
                .setImage(ImageSpec.newBuilder().setImage(Node.IMAGE))));
    wrong.put("unshared propagation", mounted(mount.clone().setPropagationValue(99)));
    wrong.put(
        "unknown device", with(c -> c.addDevices(Device.newBuilder().setHostPath("/dev/no"))));
    wrong.put("no CDI name", with(c -> c.addCDIDevices(CDIDevice.newBuilder().setName("gpu"))));
    wrong.put(
        "unknown CDI", with(c -> c.addCDIDevices(CDIDevice.newBuilder().setName("no.such/x=y"))));
    wrong.put("negative memory", limited(resources().setMemoryLimitInBytes(-2)));
    wrong.put("negative shares", limited(resources().setCpuShares(-1)));
    wrong.put("short period", limited(resources().setCpuPeriod(1)));
    wrong.put("overflowing score", limited(resources().setOomScoreAdj(1L << 40)));
    wrong.put("no cpu list", limited(resources().setCpusetCpus("0-;rm")));
    wrong.put("negative user", secured(security().setRunAsUser(number(-1))));
    wrong.put("overflowing user", secured(security().setRunAsUser(number(1L << 33))));
    wrong.put("group without user", secured(security().setRunAsGroup(number(1))));
    wrong.put("unknown user", secured(security().setRunAsUsername("nobody-here")));
    wrong.put("negative group", secured(security().addSupplementalGroups(-7)));
    wrong.put("privileged alone", secured(security().setPrivileged(true)));
    wrong.put(
        "unknown seccomp",
        secured(
            security()
                .setSeccomp(
                    SecurityProfile.newBuilder()
                        .setProfileTypeValue(2)
                        .setLocalhostRef("/no/such.json"))));
    wrong.forEach(
        (what, config) ->
            refused(
                what,
                WRONG,
                () ->
                    node.cri()
                        .createContainer(
                            CreateContainerRequest.newBuilder()
                                .setPodSandboxId(pod)
                                .setConfig(config)
                                .setSandboxConfig(pods.config("p"))
                                .build())));
    assertEquals(
        0,
        node.cri().listContainers(ListContainersRequest.getDefaultInstance()).getContainersCount());
    // The name is free again, and a right request works.
    String id = pods.create(pod, "p", "bad", "true");
    pods.remove(id);
  }

  private static LinuxContainerResources.Builder resources() {
    return LinuxContainerResources.newBuilder();
  }

  private LinuxContainerSecurityContext.Builder security() {
    return pods.containerConfig("bad", "true").getLinux().getSecurityContext().toBuilder();
  }

  private static Int64Value number(long value) {
    return Int64Value.newBuilder().setValue(value).build();
  }

  @Test
  void idsThatAreNone() {
    Set<Status.Code> invalid = EnumSet.of(Status.Code.INVALID_ARGUMENT);
    for (String id : new String[] {"", LONG, "../../etc", "\0"}) {
      Set<Status.Code> codes = id.isEmpty() ? invalid : WRONG;
      refused(
          "start " + id.length(),
          codes,
          () ->
              node.cri()
                  .startContainer(StartContainerRequest.newBuilder().setContainerId(id).build()));
      refused(
          "exec " + id.length(),
          codes,
          () ->
              node.cri()
                  .execSync(
                      ExecSyncRequest.newBuilder().setContainerId(id).addCmd("true").build()));
      refused(
          "reopen " + id.length(),
          codes,
          () ->
              node.cri()
                  .reopenContainerLog(
                      ReopenContainerLogRequest.newBuilder().setContainerId(id).build()));
      refused(
          "create " + id.length(),
          codes,
          () ->
              node.cri()
                  .createContainer(
                      CreateContainerRequest.newBuilder()
                          .setPodSandboxId(id)
                          .setConfig(pods.containerConfig("bad", "true"))
                          .build()));
    }
  }

  @Test
  void whatIsGoneIsStoppedAndRemovedAlready() {
    node.cri().stopContainer(StopContainerRequest.newBuilder().setContainerId("gone").build());
    node.cri().removeContainer(RemoveContainerRequest.newBuilder().setContainerId("gone").build());
    node.cri().stopPodSandbox(StopPodSandboxRequest.newBuilder().setPodSandboxId("gone").build());
    node.cri()
        .removePodSandbox(RemovePodSandboxRequest.newBuilder().setPodSandboxId("gone").build());
  }

  @Test
  void numbersThatAreNone() {
    Set<Status.Code> invalid = EnumSet.of(Status.Code.INVALID_ARGUMENT);
    String id = pods.start(pod, "p", "numbers", "sleep 1000");
    refused(
        "negative grace",
        invalid,
        () ->
            node.cri()
                .stopContainer(
                    StopContainerRequest.newBuilder().setContainerId(id).setTimeout(-1).build()));
    refused(
        "negative time",
        invalid,
        () ->
            node.cri()
                .execSync(
                    ExecSyncRequest.newBuilder()
                        .setContainerId(id)
                        .addCmd("true")
                        .setTimeout(-1)
                        .build()));
    refused(
        "no command",
        invalid,
        () -> node.cri().execSync(ExecSyncRequest.newBuilder().setContainerId(id).build()));
    refused(
        "relative location",
        invalid,
        () ->
            node.cri()
                .checkpointContainer(
                    CheckpointContainerRequest.newBuilder()
                        .setContainerId(id)
                        .setLocation("here.tar")
                        .build()));
    // A time that overflows everything is as good as none.
    assertEquals(
        0,
        node.cri()
            .execSync(
                ExecSyncRequest.newBuilder()
                    .setContainerId(id)
                    .addCmd("true")
                    .setTimeout(Long.MAX_VALUE)
                    .build())
            .getExitCode());
    node.cri()
        .stopContainer(StopContainerRequest.newBuilder().setContainerId(id).setTimeout(0).build());
    pods.remove(id);
  }

  @Test
  void imagesWithoutAName() {
    refused(
        "no image",
        EnumSet.of(Status.Code.INVALID_ARGUMENT),
        () -> node.images().pullImage(PullImageRequest.getDefaultInstance()));
  }
}
