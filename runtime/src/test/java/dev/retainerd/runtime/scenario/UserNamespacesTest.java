package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.cri.v1.ExecSyncResponse;
import dev.retainerd.wire.cri.v1.IDMapping;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.LinuxContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxContainerSecurityContext;
import dev.retainerd.wire.cri.v1.LinuxPodSandboxConfig;
import dev.retainerd.wire.cri.v1.LinuxSandboxSecurityContext;
import dev.retainerd.wire.cri.v1.Mount;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.NamespaceOption;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.StatusRequest;
import dev.retainerd.wire.cri.v1.UserNamespace;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Pods with users of their own (KEP-127): root within is nobody in particular on the node. */
@Tag("real")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UserNamespacesTest {
  private static final int HOST = 0x7000_0000;
  private static final int LENGTH = 65_536;
  private static final String SLEEPER =
      "trap 'exit 0' TERM; echo said > /dev/stdout; while :; do sleep 0.1; done";

  private final Node node = Node.prepared();
  private Pods pods;
  private String image;

  /** What the configuration says of the OCI runtime; nothing for runc. */
  String runtime(Node of) throws IOException {
    return "";
  }

  @BeforeAll
  void start() throws Exception {
    Files.writeString(node.config(), Files.readString(node.config()) + runtime(node));
    node.start();
    pods = new Pods(node);
    image =
        new MadeImage(node, "docker.io/retain/users:1")
            .withBusybox()
            .withFile("data/file", "of the image\n")
            .owned("data", "65534:65534", "750")
            .withVolume("/data")
            .importInto("k8s.io");
  }

  @AfterAll
  void close() throws IOException {
    node.close();
    // A runtime may give a container's root its standard streams.
    assertEquals(0, Files.getAttribute(Path.of("/dev/null"), "unix:uid"), "the owner of /dev/null");
  }

  private static IDMapping.Builder mapping() {
    return IDMapping.newBuilder().setContainerId(0).setHostId(HOST).setLength(LENGTH);
  }

  private static UserNamespace.Builder users() {
    return UserNamespace.newBuilder()
        .setMode(NamespaceMode.POD)
        .addUids(mapping())
        .addGids(mapping());
  }

  private PodSandboxConfig pod(String name, NamespaceMode pids, UserNamespace.Builder users) {
    PodSandboxConfig plain = pods.config(name, pids);
    return plain.toBuilder()
        .setLinux(
            plain.getLinux().toBuilder()
                .setSecurityContext(
                    LinuxSandboxSecurityContext.newBuilder()
                        .setNamespaceOptions(
                            NamespaceOption.newBuilder().setPid(pids).setUsernsOptions(users))))
        .build();
  }

  private ContainerConfig.Builder container(
      String name, NamespaceMode pids, UserNamespace.Builder users) {
    return pods.containerConfig(name, SLEEPER).toBuilder()
        .setImage(ImageSpec.newBuilder().setImage(image))
        .clearMounts()
        .setLinux(
            LinuxContainerConfig.newBuilder()
                .setSecurityContext(
                    LinuxContainerSecurityContext.newBuilder()
                        .setNamespaceOptions(
                            NamespaceOption.newBuilder().setPid(pids).setUsernsOptions(users))));
  }

  private String create(String pod, PodSandboxConfig config, ContainerConfig.Builder made) {
    return node.cri()
        .createContainer(
            CreateContainerRequest.newBuilder()
                .setPodSandboxId(pod)
                .setConfig(made)
                .setSandboxConfig(config)
                .build())
        .getContainerId();
  }

  private String out(String id, String script) {
    ExecSyncResponse answer =
        node.cri()
            .execSync(
                ExecSyncRequest.newBuilder()
                    .setContainerId(id)
                    .addAllCmd(List.of("/bin/sh", "-c", script))
                    .setTimeout(20)
                    .build());
    assertEquals(0, answer.getExitCode(), script + ": " + answer.getStderr().toStringUtf8());
    return answer.getStdout().toStringUtf8().strip();
  }

  private static String owner(Path path) {
    return Host.run(5, List.of("stat", "-c", "%u:%g", path.toString())).expectSuccess().strip();
  }

  private static String inside(String line) {
    return line.strip().replaceAll("\\s+", " ");
  }

  @Test
  void rootInsideIsNobodyInParticularOutside() throws Exception {
    for (NamespaceMode pids : List.of(NamespaceMode.CONTAINER, NamespaceMode.POD)) {
      String name = "users-" + pids.name().toLowerCase(java.util.Locale.ROOT);
      PodSandboxConfig config = pod(name, pids, users());
      String pod = pods.run(config);
      String id = create(pod, config, container("c", pids, users()));
      pods.start(id);

      assertEquals("0 " + HOST + " " + LENGTH, inside(out(id, "cat /proc/self/uid_map")));
      assertEquals("0 " + HOST + " " + LENGTH, inside(out(id, "cat /proc/self/gid_map")));
      assertEquals("0", out(id, "id -u"));
      assertEquals("0:0 0:0", out(id, "echo $(stat -c %u:%g /root) $(stat -c %u:%g /bin/busybox)"));
      assertEquals(HOST + ":" + HOST, owner(Path.of("/proc", Long.toString(pods.pid(id)))));
      assertNotEquals(
          Files.readSymbolicLink(Path.of("/proc/self/ns/user")).toString(),
          out(id, "readlink /proc/self/ns/user"));

      // What is its own it can change, in the image, in the pod's files and in shared memory.
      out(id, "echo new > /root/new; echo more >> /bin/made; touch /dev/shm/x");
      out(id, "echo '10.9.9.9 other' >> /etc/hosts");
      assertTrue(out(id, "cat /etc/hosts").contains("10.9.9.9 other"));
      assertEquals("0:0", out(id, "stat -c %u:%g /etc/hosts"));
      Eventually.holds(
          "a line in the log",
          Duration.ofSeconds(10),
          () -> pods.log(name, "c").stream().anyMatch(line -> line.endsWith(" said")));

      node.killDaemon();
      node.start();
      assertEquals("new", out(id, "cat /root/new"));
      pods.stop(id, 1);
      pods.remove(id);
      pods.stopPod(pod);
      pods.removePod(pod);
    }
    assertEquals(List.of(), Host.mountsBelow(node.state().resolve("userns")));
    assertEquals(List.of(), Host.mountsBelow(node.state().resolve("idmap")));
  }

  @Test
  void volumesAreSeenAsThePodsOwn() throws Exception {
    PodSandboxConfig config = pod("volumes", NamespaceMode.CONTAINER, users());
    String pod = pods.run(config);
    Path volume = Files.createDirectories(node.folder().resolve("volume"));
    Files.writeString(volume.resolve("of-root"), "");
    Host.run(5, List.of("chmod", "700", volume.toString())).expectSuccess();
    Mount.Builder plain =
        Mount.newBuilder().setContainerPath("/plain").setHostPath(volume.toString());
    Mount.Builder mapped =
        plain
            .clone()
            .setContainerPath("/mapped")
            .addUidMappings(mapping())
            .addGidMappings(mapping());
    String id =
        create(
            pod,
            config,
            container("c", NamespaceMode.CONTAINER, users()).addMounts(plain).addMounts(mapped));
    pods.start(id);
    assertEquals("0:0", out(id, "stat -c %u:%g /mapped/of-root"));
    assertEquals("65534:65534", out(id, "stat -c %u:%g /plain"));
    out(id, "touch /mapped/made; chown 7:8 /mapped/made");
    assertEquals("7:8", owner(volume.resolve("made")));
    assertEquals("700", out(id, "stat -c %a /mapped"));

    // The image's own volume, with the image's owners on both sides.
    assertEquals("65534:65534", out(id, "stat -c %u:%g /data"));
    Path own = node.root().resolve("io.containerd.grpc.v1.cri/containers/" + id + "/volumes/0");
    assertEquals("65534:65534", owner(own));
    pods.stop(id, 1);
    pods.remove(id);
    pods.stopPod(pod);
    pods.removePod(pod);
  }

  @Test
  void mountedImagesShowTheOwnersThatTheyNameThemselves() {
    String layered =
        new MadeImage(node, "docker.io/retain/layered:1")
            .withBusybox()
            .withFile("data/file", "of the image\n")
            .owned("data", "65534:65534", "750")
            .inTwoLayers()
            .importInto("k8s.io");
    PodSandboxConfig config = pod("images", NamespaceMode.CONTAINER, users());
    String pod = pods.run(config);
    IDMapping.Builder other = mapping().setHostId(HOST + 10).setLength(LENGTH - 10);
    String id =
        create(
            pod,
            config,
            container("c", NamespaceMode.CONTAINER, users())
                .addMounts(ofImage("/one", image))
                .addMounts(ofImage("/two", layered))
                .addMounts(ofImage("/part", layered).setImageSubPath("data"))
                .addMounts(ofImage("/told", layered).addUidMappings(other).addGidMappings(other)));
    pods.start(id);
    for (String path : List.of("/one", "/two")) {
      assertEquals("0:0", out(id, "stat -c %u:%g " + path + "/bin/busybox"));
      assertEquals("65534:65534", out(id, "stat -c %u:%g " + path + "/data"));
    }
    assertEquals("65534:65534", out(id, "stat -c %u:%g /part"));
    assertEquals("of the image", out(id, "cat /part/file"));
    assertEquals("10:10", out(id, "stat -c %u:%g /told/bin/busybox"));
    assertEquals(List.of(), Host.mountsBelow(node.state().resolve("idmap")));
    pods.stop(id, 1);
    pods.remove(id);

    ContainerConfig.Builder none = container("none", NamespaceMode.CONTAINER, users());
    IDMapping.Builder empty = mapping().setLength(0);
    none.addMounts(ofImage("/x", image).addUidMappings(empty).addGidMappings(empty));
    StatusRuntimeException refused =
        assertThrows(StatusRuntimeException.class, () -> create(pod, config, none));
    assertEquals(Status.Code.INVALID_ARGUMENT, refused.getStatus().getCode());
    assertEquals(List.of(), Host.mountsBelow(node.state().resolve("image-mounts")));
    pods.stopPod(pod);
    pods.removePod(pod);
  }

  private static Mount.Builder ofImage(String path, String name) {
    return Mount.newBuilder()
        .setContainerPath(path)
        .setReadonly(true)
        .setImage(ImageSpec.newBuilder().setImage(name));
  }

  @Test
  void aMountIsMappedAlsoInAPodOfTheNodesUsers() throws Exception {
    String pod = pods.run("plain");
    Path volume = Files.createDirectories(node.folder().resolve("mapped"));
    Files.writeString(volume.resolve("of-root"), "");
    IDMapping.Builder shifted =
        IDMapping.newBuilder().setContainerId(0).setHostId(4000).setLength(1000);
    String id =
        create(
            pod,
            pods.config("plain"),
            pods.containerConfig("c", SLEEPER).toBuilder()
                .setImage(ImageSpec.newBuilder().setImage(image))
                .addMounts(
                    Mount.newBuilder()
                        .setContainerPath("/mapped")
                        .setHostPath(volume.toString())
                        .addUidMappings(shifted)
                        .addGidMappings(shifted)));
    pods.start(id);
    assertEquals("4000:4000", out(id, "stat -c %u:%g /mapped/of-root"));
    pods.stop(id, 1);
    pods.remove(id);
    pods.stopPod(pod);
    pods.removePod(pod);
    assertEquals(List.of(), Host.mountsBelow(node.state().resolve("idmap")));
  }

  @Test
  void kernelSettingsAreThePods() {
    PodSandboxConfig plain = pod("sysctls", NamespaceMode.CONTAINER, users());
    PodSandboxConfig config =
        plain.toBuilder()
            .setLinux(
                LinuxPodSandboxConfig.newBuilder(plain.getLinux())
                    .putSysctls("kernel.shm_rmid_forced", "1")
                    .putSysctls("kernel.msgmax", "12345")
                    .putSysctls("net.ipv4.ip_forward", "1")
                    .putSysctls("net.ipv4.ip_unprivileged_port_start", "80"))
            .build();
    String pod = pods.run(config);
    String id = create(pod, config, container("c", NamespaceMode.CONTAINER, users()));
    pods.start(id);
    assertEquals(
        "1 12345 1 80",
        out(
            id,
            "cd /proc/sys; echo $(cat kernel/shm_rmid_forced kernel/msgmax net/ipv4/ip_forward"
                + " net/ipv4/ip_unprivileged_port_start)"));
    assertEquals("sysctls", out(id, "hostname"));
    pods.stop(id, 1);
    pods.remove(id);
    pods.stopPod(pod);
    pods.removePod(pod);
  }

  @Test
  void theNodeSaysThatItCan() {
    assertTrue(
        node.cri()
            .status(StatusRequest.getDefaultInstance())
            .getRuntimeHandlersList()
            .getFirst()
            .getFeatures()
            .getUserNamespaces());
  }

  @Test
  void whatNobodyCouldMapIsRefusedAndLeavesNothing() {
    UserNamespace.Builder two =
        users().addUids(mapping().setContainerId(LENGTH)).addGids(mapping());
    assertEquals(
        Status.Code.INVALID_ARGUMENT,
        assertThrows(
                StatusRuntimeException.class,
                () -> pods.run(pod("two", NamespaceMode.CONTAINER, two)))
            .getStatus()
            .getCode());
    UserNamespace.Builder end =
        UserNamespace.newBuilder()
            .setMode(NamespaceMode.POD)
            .addUids(mapping().setHostId(-10))
            .addGids(mapping().setHostId(-10));
    assertEquals(
        Status.Code.INVALID_ARGUMENT,
        assertThrows(
                StatusRuntimeException.class,
                () -> pods.run(pod("end", NamespaceMode.CONTAINER, end)))
            .getStatus()
            .getCode());

    PodSandboxConfig config = pod("refused", NamespaceMode.CONTAINER, users());
    String pod = pods.run(config);
    UserNamespace.Builder other =
        UserNamespace.newBuilder()
            .setMode(NamespaceMode.POD)
            .addUids(mapping().setHostId(LENGTH))
            .addGids(mapping());
    assertEquals(
        Status.Code.INVALID_ARGUMENT,
        assertThrows(
                StatusRuntimeException.class,
                () -> create(pod, config, container("other", NamespaceMode.CONTAINER, other)))
            .getStatus()
            .getCode());

    // An overlay cannot show mapped owners: here the root of a running container.
    String first = create(pod, config, container("first", NamespaceMode.CONTAINER, users()));
    pods.start(first);
    Mount.Builder onOverlay =
        Mount.newBuilder()
            .setContainerPath("/v")
            .setHostPath(node.state().resolve("tasks/k8s.io/" + first + "/rootfs").toString())
            .addUidMappings(mapping())
            .addGidMappings(mapping());
    String unfit =
        create(
            pod, config, container("unfit", NamespaceMode.CONTAINER, users()).addMounts(onOverlay));
    StatusRuntimeException refused =
        assertThrows(StatusRuntimeException.class, () -> pods.start(unfit));
    assertEquals(Status.Code.FAILED_PRECONDITION, refused.getStatus().getCode());
    assertTrue(refused.getMessage().contains("id-mapped mounts"), refused.getMessage());
    assertEquals(List.of(), Host.mountsBelow(node.state().resolve("idmap")));
    pods.remove(unfit);
    pods.stop(first, 1);
    pods.remove(first);
    pods.stopPod(pod);
    pods.removePod(pod);
  }
}
