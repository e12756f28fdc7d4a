package dev.retainerd.runtime.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.KernelCapabilities;
import dev.retainerd.wire.cri.v1.Capability;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.Device;
import dev.retainerd.wire.cri.v1.HugepageLimit;
import dev.retainerd.wire.cri.v1.Int64Value;
import dev.retainerd.wire.cri.v1.KeyValue;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.Mount;
import dev.retainerd.wire.cri.v1.MountPropagation;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.SELinuxOption;
import dev.retainerd.wire.cri.v1.SecurityProfile;
import dev.retainerd.wire.cri.v1.SecurityProfile.ProfileType;
import dev.retainerd.wire.cri.v1.SupplementalGroupsPolicy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpecBuilderTest {
  @TempDir Path folder;

  private Path rootfs;
  private PodSandboxConfig.Builder pod;
  private ContainerConfig.Builder config;
  private ImageDefaults image;
  private SpecPolicy policy;
  private HostTraits host;

  @BeforeEach
  void aPlainContainer() throws IOException {
    rootfs = Files.createDirectories(folder.resolve("rootfs"));
    pod = Requests.pod();
    config = Requests.container("sh");
    image = ImageDefaults.none();
    policy = SpecPolicy.defaults();
    host = Requests.HOST;
  }

  private ContainerInput input() {
    return Requests.input(config.build(), pod.build(), image, rootfs);
  }

  private JsonObject spec() {
    return spec(input());
  }

  private JsonObject spec(ContainerInput input) {
    return new SpecBuilder(host, policy).container(input);
  }

  private void refused(Refusal.Code code, String... words) {
    Refusal refusal = assertThrows(Refusal.class, this::spec);
    assertEquals(code, refusal.code(), refusal::sentence);
    for (String word : words) {
      assertTrue(refusal.sentence().contains(word), refusal.sentence() + " lacks " + word);
    }
  }

  private static JsonElement at(JsonObject spec, String path) {
    JsonElement at = spec;
    for (String name : path.split("/")) {
      at = at.getAsJsonObject().get(name);
    }
    return at;
  }

  private static List<String> strings(JsonElement array) {
    return array.getAsJsonArray().asList().stream().map(JsonElement::getAsString).toList();
  }

  private static List<String> targets(JsonObject spec) {
    return at(spec, "mounts").getAsJsonArray().asList().stream()
        .map(mount -> mount.getAsJsonObject().get("destination").getAsString())
        .toList();
  }

  private static JsonObject mount(JsonObject spec, String target) {
    return at(spec, "mounts").getAsJsonArray().asList().stream()
        .map(JsonElement::getAsJsonObject)
        .filter(mount -> mount.get("destination").getAsString().equals(target))
        .findFirst()
        .orElseThrow();
  }

  private void file(String name, String text) throws IOException {
    Path file = rootfs.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  // The command line.

  @Test
  void commandReplacesTheImagesEntrypointAndCmd() {
    image = new ImageDefaults(List.of("/entry"), List.of("cmd"), List.of(), "", "");
    assertEquals(List.of("sh"), strings(at(spec(), "process/args")));
  }

  @Test
  void argsAloneReplaceOnlyTheImagesCmd() {
    image = new ImageDefaults(List.of("/entry"), List.of("cmd"), List.of(), "", "");
    config = Requests.container().addArgs("a");
    assertEquals(List.of("/entry", "a"), strings(at(spec(), "process/args")));
    config = Requests.container();
    assertEquals(List.of("/entry", "cmd"), strings(at(spec(), "process/args")));
  }

  @Test
  void commandWithArgsIsBoth() {
    config.addArgs("-c").addArgs("x");
    assertEquals(List.of("sh", "-c", "x"), strings(at(spec(), "process/args")));
  }

  @Test
  void anEmptyEntrypointIsAResetOne() {
    image = new ImageDefaults(List.of(""), List.of("cmd"), List.of(), "", "");
    config = Requests.container();
    assertEquals(List.of("cmd"), strings(at(spec(), "process/args")));
  }

  @Test
  void noCommandAnywhereIsRefused() {
    config = Requests.container();
    refused(Refusal.Code.INVALID_ARGUMENT, "main", "no command");
  }

  @Test
  void aZeroByteInAnArgumentIsRefused() {
    config.addArgs("a\0b");
    refused(Refusal.Code.INVALID_ARGUMENT, "zero byte");
  }

  // Environment and working directory.

  @Test
  void environmentIsLaidFromDefaultsThenImageThenRequest() {
    image =
        new ImageDefaults(List.of(), List.of(), List.of("A=image", "B=image", "PATH=/b"), "", "");
    config
        .addEnvs(KeyValue.newBuilder().setKey("A").setValue(ByteString.copyFromUtf8("request=1")))
        .setTty(true);
    assertEquals(
        List.of("PATH=/b", "TERM=xterm", "HOSTNAME=webhost", "A=request=1", "B=image"),
        strings(at(spec(), "process/env")));
    assertTrue(at(spec(), "process/terminal").getAsBoolean());
  }

  @Test
  void anEnvironmentNameWithEqualsIsRefused() {
    config.addEnvs(KeyValue.newBuilder().setKey("A=B"));
    refused(Refusal.Code.INVALID_ARGUMENT, "A=B");
  }

  @Test
  void workingDirIsTheRequestsThenTheImages() {
    assertEquals("/", at(spec(), "process/cwd").getAsString());
    image = new ImageDefaults(List.of(), List.of(), List.of(), "", "/image");
    assertEquals("/image", at(spec(), "process/cwd").getAsString());
    config.setWorkingDir("/request");
    assertEquals("/request", at(spec(), "process/cwd").getAsString());
    config.setWorkingDir("request");
    refused(Refusal.Code.INVALID_ARGUMENT, "relative");
  }

  // Users.

  private void accounts() throws IOException {
    file("etc/passwd", "root:x:0:0:r:/root:/bin/sh\nbroken\nweb:x:33:44::/:/bin/sh\n");
    file("etc/group", "root:x:0:\nweb:x:44:\nlog:x:5:web,other\nextra:x:6:web\n");
  }

  private List<Long> groups() {
    return at(spec(), "process/user/additionalGids").getAsJsonArray().asList().stream()
        .map(JsonElement::getAsLong)
        .toList();
  }

  private void runsAs(long uid, long gid, Long... groups) {
    JsonObject user = at(spec(), "process/user").getAsJsonObject();
    assertEquals(uid, user.get("uid").getAsLong());
    assertEquals(gid, user.get("gid").getAsLong());
    assertEquals(List.of(groups), groups());
  }

  @Test
  void nobodyNamedIsRoot() {
    runsAs(0, 0, 0L);
  }

  @Test
  void theImagesUserIsLookedUpWithItsGroups() throws IOException {
    accounts();
    image = new ImageDefaults(List.of(), List.of(), List.of(), "web", "");
    runsAs(33, 44, 5L, 6L, 44L);
    image = new ImageDefaults(List.of(), List.of(), List.of(), "web:log", "");
    runsAs(33, 5, 5L, 6L);
    image = new ImageDefaults(List.of(), List.of(), List.of(), "33:7", "");
    runsAs(33, 7, 5L, 6L, 7L);
  }

  @Test
  void theRequestsUserWinsOverTheImages() throws IOException {
    accounts();
    image = new ImageDefaults(List.of(), List.of(), List.of(), "web", "");
    Requests.security(config).setRunAsUser(Int64Value.newBuilder().setValue(1000));
    runsAs(1000, 0, 0L);
    Requests.security(config).setRunAsGroup(Int64Value.newBuilder().setValue(2000));
    runsAs(1000, 2000, 2000L);
    Requests.security(config).clearRunAsGroup().setRunAsUsername("web");
    runsAs(33, 44, 5L, 6L, 44L);
  }

  @Test
  void supplementalGroupsMergeOrAreStrict() throws IOException {
    accounts();
    Requests.security(config).setRunAsUsername("web").addSupplementalGroups(99);
    runsAs(33, 44, 5L, 6L, 44L, 99L);
    Requests.security(config).setSupplementalGroupsPolicy(SupplementalGroupsPolicy.Strict);
    runsAs(33, 44, 44L, 99L);
    Requests.security(config).setSupplementalGroupsPolicyValue(7);
    refused(Refusal.Code.INVALID_ARGUMENT, "policy 7");
  }

  @Test
  void aGroupWithoutAUserIsRefused() {
    Requests.security(config).setRunAsGroup(Int64Value.newBuilder().setValue(1));
    refused(Refusal.Code.INVALID_ARGUMENT, "run_as_user");
  }

  @Test
  void aNameThatIsNotInTheImageIsRefused() throws IOException {
    accounts();
    Requests.security(config).setRunAsUsername("nobody");
    refused(Refusal.Code.FAILED_PRECONDITION, "nobody", "/etc/passwd");
  }

  @Test
  void aUserIdOutOfRangeIsRefused() {
    Requests.security(config).setRunAsUser(Int64Value.newBuilder().setValue(-1));
    refused(Refusal.Code.INVALID_ARGUMENT, "-1");
    Requests.security(config).setRunAsUser(Int64Value.newBuilder().setValue(1L << 31));
    refused(Refusal.Code.INVALID_ARGUMENT, "2147483648");
  }

  @Test
  void aPasswdThatLinksOutOfTheImageIsReadInside() throws IOException {
    Path outside = Files.writeString(folder.resolve("passwd"), "evil:x:0:0::/:\n");
    file("etc/group", "");
    Files.createSymbolicLink(rootfs.resolve("etc/passwd"), outside);
    Requests.security(config).setRunAsUsername("evil");
    refused(Refusal.Code.FAILED_PRECONDITION, "evil");
    Files.delete(rootfs.resolve("etc/passwd"));
    Files.createSymbolicLink(rootfs.resolve("etc/passwd"), Path.of("../../../../real/passwd"));
    file("real/passwd", "evil:x:7:8::/:\n");
    runsAs(7, 8, 8L);
  }

  @Test
  void aPasswdOfLinksInACircleIsRefused() throws IOException {
    Files.createDirectories(rootfs.resolve("etc"));
    Files.createSymbolicLink(rootfs.resolve("etc/passwd"), Path.of("passwd"));
    Requests.security(config).setRunAsUsername("web");
    refused(Refusal.Code.FAILED_PRECONDITION, "circle");
  }

  @Test
  void aPasswdThatIsAFolderCountsAsNone() throws IOException {
    Files.createDirectories(rootfs.resolve("etc/passwd"));
    Requests.security(config).setRunAsUser(Int64Value.newBuilder().setValue(5));
    runsAs(5, 0, 0L);
  }

  // Capabilities.

  private Set<String> capabilities(String kind) {
    return new TreeSet<>(strings(at(spec(), "process/capabilities/" + kind)));
  }

  private void capabilities(List<String> add, List<String> drop, List<String> ambient) {
    Requests.security(config)
        .setCapabilities(
            Capability.newBuilder()
                .addAllAddCapabilities(add)
                .addAllDropCapabilities(drop)
                .addAllAddAmbientCapabilities(ambient));
  }

  @Test
  void aContainerWithoutWishesHasTheFourteenDefaults() {
    assertEquals(new TreeSet<>(KernelCapabilities.OF_CONTAINERS), capabilities("bounding"));
    assertEquals(14, capabilities("permitted").size());
    assertFalse(at(spec(), "process/capabilities").getAsJsonObject().has("inheritable"));
  }

  @Test
  void capabilitiesAreAddedAndDroppedWithAndWithoutPrefix() {
    capabilities(List.of("NET_ADMIN", "cap_sys_time"), List.of("chown", "CAP_KILL"), List.of());
    Set<String> held = capabilities("effective");
    assertTrue(held.containsAll(Set.of("CAP_NET_ADMIN", "CAP_SYS_TIME")));
    assertFalse(held.contains("CAP_CHOWN") || held.contains("CAP_KILL"));
    assertEquals(14, held.size());
  }

  @Test
  void allIsTakenBeforeTheSingleOnes() {
    capabilities(List.of("ALL"), List.of("CHOWN"), List.of());
    assertEquals(39, capabilities("bounding").size());
    capabilities(List.of("NET_RAW"), List.of("all"), List.of());
    assertEquals(Set.of("CAP_NET_RAW"), capabilities("bounding"));
  }

  @Test
  void ambientCapabilitiesAreHeldAndInheritable() {
    capabilities(List.of(), List.of("ALL"), List.of("NET_BIND_SERVICE"));
    assertEquals(Set.of("CAP_NET_BIND_SERVICE"), capabilities("ambient"));
    assertEquals(Set.of("CAP_NET_BIND_SERVICE"), capabilities("inheritable"));
    assertEquals(Set.of("CAP_NET_BIND_SERVICE"), capabilities("permitted"));
  }

  @Test
  void anUnknownCapabilityIsRefused() {
    capabilities(List.of("FLY"), List.of(), List.of());
    refused(Refusal.Code.INVALID_ARGUMENT, "FLY");
  }

  @Test
  void aCapabilityTheDaemonLacksIsRefused() {
    capabilities(List.of("SYS_RESOURCE"), List.of(), List.of());
    refused(Refusal.Code.FAILED_PRECONDITION, "CAP_SYS_RESOURCE");
  }

  // Privileged.

  private void privileged() {
    pod.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true);
    Requests.security(config).setPrivileged(true);
  }

  @Test
  void privilegedLiftsWhatConfines() {
    privileged();
    Requests.security(config)
        .addMaskedPaths("/proc/kcore")
        .addReadonlyPaths("/proc/sys")
        .setSeccomp(SecurityProfile.getDefaultInstance());
    JsonObject spec = spec();
    assertEquals(40, strings(at(spec, "process/capabilities/bounding")).size());
    assertEquals(List.of(), strings(at(spec, "linux/maskedPaths")));
    assertEquals(List.of(), strings(at(spec, "linux/readonlyPaths")));
    assertFalse(at(spec, "linux").getAsJsonObject().has("seccomp"));
    assertTrue(strings(mount(spec, "/sys").get("options")).contains("rw"));
    assertTrue(strings(mount(spec, "/sys/fs/cgroup").get("options")).contains("rw"));
    assertEquals(
        "[{\"allow\":true,\"access\":\"rwm\"}]", at(spec, "linux/resources/devices").toString());
    assertTrue(at(spec, "linux/devices").toString().contains("\"/dev/null\""));
  }

  @Test
  void privilegedInAPlainPodIsRefused() {
    Requests.security(config).setPrivileged(true);
    refused(Refusal.Code.INVALID_ARGUMENT, "privileged");
  }

  @Test
  void privilegedWithoutHostDevicesHasNone() {
    privileged();
    HandlerTraits handler =
        new HandlerTraits(false, List.of(), List.of(), true, false, false, true, Optional.empty());
    JsonObject spec = spec(Requests.with(input(), handler));
    assertEquals("[]", at(spec, "linux/devices").toString());
    assertTrue(at(spec, "linux/resources/devices").toString().contains("\"allow\":false"));
  }

  // Paths, root, privileges.

  @Test
  void maskedAndReadonlyPathsAreThoseOfTheRequest() {
    assertEquals(List.of(), strings(at(spec(), "linux/maskedPaths")));
    Requests.security(config)
        .addMaskedPaths("/proc/kcore")
        .addReadonlyPaths("/proc/sys")
        .setReadonlyRootfs(true)
        .setNoNewPrivs(true);
    JsonObject spec = spec();
    assertEquals(List.of("/proc/kcore"), strings(at(spec, "linux/maskedPaths")));
    assertEquals(List.of("/proc/sys"), strings(at(spec, "linux/readonlyPaths")));
    assertTrue(at(spec, "root/readonly").getAsBoolean());
    assertTrue(at(spec, "process/noNewPrivileges").getAsBoolean());
  }

  // Mounts.

  private Mount.Builder bind(String hostPath, String target) {
    return Mount.newBuilder().setHostPath(hostPath).setContainerPath(target);
  }

  @Test
  void theUsualFileSystemsAreMounted() {
    assertEquals(
        List.of("/proc", "/dev", "/dev/pts", "/dev/mqueue", "/sys", "/dev/shm", "/sys/fs/cgroup"),
        targets(spec()));
  }

  @Test
  void podFilesAreBoundUnlessTheRequestMountsThereItself() throws IOException {
    Path hosts = Files.writeString(folder.resolve("hosts"), "");
    Path resolv = Files.writeString(folder.resolve("resolv"), "");
    Path shm = Files.createDirectories(folder.resolve("shm"));
    Path mine = Files.writeString(folder.resolve("mine"), "");
    config.addMounts(bind(mine.toString(), "/etc/hosts/"));
    PodFiles files =
        new PodFiles(Optional.empty(), Optional.of(hosts), Optional.of(resolv), Optional.of(shm));
    JsonObject spec =
        spec(Requests.with(input(), PodNamespaces.ofNode(), files, HandlerTraits.defaults()));
    assertEquals(mine.toString(), mount(spec, "/etc/hosts/").get("source").getAsString());
    assertFalse(targets(spec).contains("/etc/hosts"));
    assertEquals(resolv.toString(), mount(spec, "/etc/resolv.conf").get("source").getAsString());
    assertEquals("bind", mount(spec, "/dev/shm").get("type").getAsString());
  }

  @Test
  void shallowMountsComeFirstAndKeepTheirOrder() {
    String any = folder.toString();
    config.addMounts(bind(any, "/a/b/c")).addMounts(bind(any, "/z")).addMounts(bind(any, "/a"));
    List<String> targets = targets(spec());
    assertEquals(List.of("/z", "/a", "/a/b/c"), targets.subList(7, 10));
  }

  @Test
  void aMountedDevHidesTheUsualOnesBelowIt() {
    config.addMounts(bind("/dev", "/dev"));
    List<String> targets = targets(spec());
    assertEquals(List.of("/proc", "/sys", "/sys/fs/cgroup", "/dev"), targets);
  }

  @Test
  void aMissingHostPathIsMadeAsAFolderAndLinksAreFollowed() throws IOException {
    Path missing = folder.resolve("a/b");
    Path link = Files.createSymbolicLink(folder.resolve("link"), rootfs);
    config.addMounts(bind(missing.toString(), "/m").setReadonly(true));
    config.addMounts(bind(link.toString(), "/l"));
    JsonObject spec = spec();
    assertTrue(Files.isDirectory(missing));
    assertEquals(List.of("rbind", "rprivate", "ro"), strings(mount(spec, "/m").get("options")));
    assertEquals(rootfs.toString(), mount(spec, "/l").get("source").getAsString());
    assertEquals(List.of("rbind", "rprivate", "rw"), strings(mount(spec, "/l").get("options")));
  }

  @Test
  void aHostPathBelowAFileIsRefused() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");
    config.addMounts(bind(file + "/x", "/m"));
    refused(Refusal.Code.FAILED_PRECONDITION, "file/x");
  }

  @Test
  void recursiveReadOnlyNeedsReadonlyPrivateAndARuntimeThatCan() {
    Mount.Builder mount = bind(folder.toString(), "/m").setRecursiveReadOnly(true);
    config.addMounts(mount);
    refused(Refusal.Code.INVALID_ARGUMENT, "readonly");
    config.setMounts(0, mount.setReadonly(true));
    assertEquals(List.of("rbind", "rprivate", "rro"), strings(mount(spec(), "/m").get("options")));
    HandlerTraits old =
        new HandlerTraits(
            false, List.of(), List.of(), false, false, false, false, Optional.empty());
    Refusal refusal = assertThrows(Refusal.class, () -> spec(Requests.with(input(), old)));
    assertEquals(Refusal.Code.UNIMPLEMENTED, refusal.code());
    config.setMounts(0, mount.setPropagation(MountPropagation.PROPAGATION_HOST_TO_CONTAINER));
    refused(Refusal.Code.INVALID_ARGUMENT, "propagation");
  }

  @Test
  void mountsThatCannotBeAreRefused() {
    for (Mount wrong :
        List.of(
            bind("", "/m").build(),
            bind("/tmp", "").build(),
            bind("tmp", "/m").build(),
            bind("/tmp", "/").build(),
            bind("/tmp", "/m/../..").build(),
            bind("/tmp", "/proc").build(),
            bind("/tmp", "/x/../proc/self").build(),
            bind("/t\0mp", "/m").build(),
            bind("/tmp", "/m").setPropagationValue(9).build())) {
      config.clearMounts().addMounts(wrong);
      refused(Refusal.Code.INVALID_ARGUMENT);
    }
    config.clearMounts().addMounts(bind("/proc/uptime", "/proc/uptime"));
    spec();
    config.clearMounts().addMounts(bind("/proc", "/proc"));
    spec();
  }

  @Test
  void anImageMountComesFromWhereItWasMounted() {
    config.addMounts(
        Mount.newBuilder()
            .setContainerPath("/data")
            .setReadonly(true)
            .setImage(dev.retainerd.wire.cri.v1.ImageSpec.newBuilder().setImage("data:1")));
    refused(Refusal.Code.UNIMPLEMENTED, "data:1");
  }

  // Namespaces and cgroup.

  private List<String> namespaces(JsonObject spec) {
    return at(spec, "linux/namespaces").getAsJsonArray().asList().stream()
        .map(JsonElement::getAsJsonObject)
        .map(ns -> ns.get("type").getAsString() + (ns.has("path") ? "=" + ns.get("path") : ""))
        .map(text -> text.replace("\"", ""))
        .toList();
  }

  private void modes(NamespaceMode ofPod, NamespaceMode pid, NamespaceMode containerPid) {
    pod.getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setNetwork(ofPod)
        .setIpc(ofPod)
        .setPid(pid);
    Requests.security(config).getNamespaceOptionsBuilder().setPid(containerPid);
  }

  private static Optional<Path> pin(String name) {
    return Optional.of(Path.of("/run/x", name));
  }

  private ContainerInput joined(Optional<Path> pid) {
    PodNamespaces pins =
        new PodNamespaces(pin("net"), pin("ipc"), pin("uts"), pid, Optional.empty());
    return Requests.with(input(), pins, PodFiles.none(), HandlerTraits.defaults());
  }

  @Test
  void thePinsOfThePodAreJoined() {
    modes(NamespaceMode.POD, NamespaceMode.CONTAINER, NamespaceMode.CONTAINER);
    assertEquals(
        List.of("pid", "ipc=/run/x/ipc", "uts=/run/x/uts", "network=/run/x/net", "mount"),
        namespaces(spec(joined(Optional.empty()))));
  }

  @Test
  void theNodesNamespacesAreNotListed() {
    modes(NamespaceMode.NODE, NamespaceMode.NODE, NamespaceMode.NODE);
    assertEquals(List.of("mount"), namespaces(spec()));
  }

  @Test
  void aSharedPidNamespaceIsThePauses() {
    modes(NamespaceMode.POD, NamespaceMode.POD, NamespaceMode.POD);
    assertEquals(
        "pid=/proc/7/ns/pid",
        namespaces(spec(joined(Optional.of(Path.of("/proc/7/ns/pid"))))).getFirst());
    Refusal refusal = assertThrows(Refusal.class, () -> spec(joined(Optional.empty())));
    assertEquals(Refusal.Code.FAILED_PRECONDITION, refusal.code());
  }

  @Test
  void aTargetsPidNamespaceIsJoined() {
    modes(NamespaceMode.NODE, NamespaceMode.CONTAINER, NamespaceMode.TARGET);
    Requests.security(config).getNamespaceOptionsBuilder().setTargetId("other");
    refused(Refusal.Code.FAILED_PRECONDITION, "other");
  }

  @Test
  void theNodesPidNamespaceNeedsAPodThatHasItToo() {
    modes(NamespaceMode.POD, NamespaceMode.CONTAINER, NamespaceMode.NODE);
    Refusal refusal = assertThrows(Refusal.class, () -> spec(joined(Optional.empty())));
    assertEquals(Refusal.Code.INVALID_ARGUMENT, refusal.code());
  }

  @Test
  void cgroupPathsOfBothDrivers() {
    assertEquals("/k8s.io/c1", CgroupPath.of("", "c1", false));
    assertEquals("/kubepods/pod1/c1", CgroupPath.of("/kubepods/pod1", "c1", false));
    assertEquals("/kubepods/c1", CgroupPath.of("kubepods/", "c1", false));
    assertEquals("b.slice:cri-containerd:c1", CgroupPath.of("/a.slice/b.slice", "c1", true));
    assertEquals("system.slice:cri-containerd:c1", CgroupPath.of("", "c1", true));
    for (String parent : List.of("/a/../../b", "..")) {
      assertThrows(Refusal.class, () -> CgroupPath.of(parent, "c1", false));
    }
    assertThrows(Refusal.class, () -> CgroupPath.of("/kubepods", "c1", true));
  }

  // Resources, OOM score, devices.

  private void resources(LinuxContainerResources.Builder resources) {
    config.getLinuxBuilder().setResources(resources);
  }

  @Test
  void resourcesThatAreSetAreInTheSpec() {
    resources(
        LinuxContainerResources.newBuilder()
            .setCpuPeriod(100000)
            .setCpuQuota(50000)
            .setCpuShares(512)
            .setCpusetCpus("0-1")
            .setMemoryLimitInBytes(1 << 20));
    JsonObject resources = at(spec(), "linux/resources").getAsJsonObject();
    assertEquals(
        "{\"shares\":512,\"quota\":50000,\"period\":100000,\"cpus\":\"0-1\"}",
        resources.get("cpu").toString());
    assertEquals("{\"limit\":1048576}", resources.get("memory").toString());
    assertEquals("[{\"allow\":false,\"access\":\"rwm\"}]", resources.get("devices").toString());
    host = Requests.hostWithAppArmor(Set.of());
    assertEquals(
        "{\"limit\":1048576,\"swap\":1048576}", at(spec(), "linux/resources/memory").toString());
  }

  @Test
  void resourcesThatNoKernelTakesAreRefused() {
    for (LinuxContainerResources.Builder wrong :
        List.of(
            LinuxContainerResources.newBuilder().setCpuPeriod(1),
            LinuxContainerResources.newBuilder().setCpuPeriod(Long.MAX_VALUE),
            LinuxContainerResources.newBuilder().setCpuQuota(5),
            LinuxContainerResources.newBuilder().setCpuShares(-1),
            LinuxContainerResources.newBuilder().setMemoryLimitInBytes(-2),
            LinuxContainerResources.newBuilder().setOomScoreAdj(1001),
            LinuxContainerResources.newBuilder().setOomScoreAdj(Long.MIN_VALUE),
            LinuxContainerResources.newBuilder().setCpusetCpus("0;1"),
            LinuxContainerResources.newBuilder()
                .setMemoryLimitInBytes(100)
                .setMemorySwapLimitInBytes(50))) {
      resources(wrong);
      refused(Refusal.Code.INVALID_ARGUMENT);
    }
    resources(LinuxContainerResources.newBuilder().putUnified("memory.high", "1"));
    refused(Refusal.Code.FAILED_PRECONDITION, "cgroup v2");
  }

  @Test
  void hugePagesAreLimitedWhereTheNodeCanAndIsToldTo() {
    resources(
        LinuxContainerResources.newBuilder()
            .addHugepageLimits(HugepageLimit.newBuilder().setPageSize("2MB").setLimit(4 << 20))
            .addHugepageLimits(HugepageLimit.newBuilder().setPageSize("1GB").setLimit(-1)));
    host = Requests.hostWithAppArmor(Set.of());
    // As with containerd, whose switch for them is off unless set.
    assertFalse(at(spec(), "linux/resources").getAsJsonObject().has("hugepageLimits"));
    policy = new SpecPolicy(false, "", false, false, false, false, false, true, true);
    assertEquals(
        "[{\"pageSize\":\"2MB\",\"limit\":4194304},"
            + "{\"pageSize\":\"1GB\",\"limit\":18446744073709551615}]",
        at(spec(), "linux/resources/hugepageLimits").toString());
    host = Requests.HOST;
    refused(Refusal.Code.FAILED_PRECONDITION, "tolerate_missing_hugetlb_controller");
    policy = new SpecPolicy(false, "", false, false, true, false, false, true, true);
    assertFalse(at(spec(), "linux/resources").getAsJsonObject().has("hugepageLimits"));
  }

  @Test
  void anOomScoreThatCannotBeLoweredIsClamped() {
    assertFalse(at(spec(), "process").getAsJsonObject().has("oomScoreAdj"));
    resources(LinuxContainerResources.newBuilder().setOomScoreAdj(-500));
    assertEquals(0, at(spec(), "process/oomScoreAdj").getAsInt());
    resources(LinuxContainerResources.newBuilder().setOomScoreAdj(500));
    assertEquals(500, at(spec(), "process/oomScoreAdj").getAsInt());
    HostTraits able =
        new HostTraits(
            -10,
            Set.of("CAP_SYS_RESOURCE"),
            true,
            false,
            Optional.empty(),
            false,
            false,
            false,
            "amd64");
    assertEquals(-500, OomScore.possible(-500, able, policy));
    SpecPolicy strict = new SpecPolicy(true, "", false, false, true, true, false, true, true);
    assertEquals(-10, OomScore.possible(-500, able, strict));
  }

  @Test
  void aDeviceIsMadeAndAllowed() {
    config.addDevices(
        Device.newBuilder()
            .setHostPath("/dev/null")
            .setContainerPath("/dev/nothing")
            .setPermissions("rw"));
    JsonObject spec = spec();
    JsonObject device = at(spec, "linux/devices").getAsJsonArray().get(0).getAsJsonObject();
    assertEquals("/dev/nothing", device.get("path").getAsString());
    assertEquals(1, device.get("major").getAsInt());
    assertEquals(3, device.get("minor").getAsInt());
    assertEquals("c", device.get("type").getAsString());
    assertEquals(
        "{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rw\"}",
        at(spec, "linux/resources/devices").getAsJsonArray().get(1).toString());
  }

  @Test
  void whatIsNoDeviceIsRefused() {
    config.addDevices(Device.newBuilder().setHostPath("/etc/passwd").setPermissions("r"));
    refused(Refusal.Code.INVALID_ARGUMENT, "no device");
    config.setDevices(0, Device.newBuilder().setHostPath("/dev/none").setPermissions("r"));
    refused(Refusal.Code.FAILED_PRECONDITION, "/dev/none");
    config.setDevices(0, Device.newBuilder().setHostPath("/dev/null").setPermissions("x"));
    refused(Refusal.Code.INVALID_ARGUMENT, "rwm");
  }

  @Test
  void limitsOfTheBaseSpecAreCutToWhatCanBeHad() {
    JsonObject process =
        JsonParser.parseString(
                "{\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":18446744073709551615,"
                    + "\"soft\":10},{\"type\":\"RLIMIT_CORE\",\"hard\":5,\"soft\":5}]}")
            .getAsJsonObject();
    Map<String, Long> own =
        Rlimits.hardLimits(
            """
            Limit                     Soft Limit           Hard Limit           Units     \s
            Max core file size        0                    unlimited            bytes     \s
            Max open files            1024                 4096                 files     \s
            """);
    assertEquals(Map.of("RLIMIT_NOFILE", 4096L), own);
    Rlimits.clamp(process, own);
    assertEquals(
        "[{\"type\":\"RLIMIT_NOFILE\",\"hard\":4096,\"soft\":10},"
            + "{\"type\":\"RLIMIT_CORE\",\"hard\":5,\"soft\":5}]",
        process.get("rlimits").toString());
  }

  // Confinement.

  private void seccomp(ProfileType type, String reference) {
    Requests.security(config)
        .setSeccomp(SecurityProfile.newBuilder().setProfileType(type).setLocalhostRef(reference));
  }

  @Test
  void seccompIsUnsetUnlessAskedForOrConfigured() {
    assertFalse(at(spec(), "linux").getAsJsonObject().has("seccomp"));
    policy = new SpecPolicy(false, "runtime/default", false, false, true, true, false, true, true);
    assertEquals("SCMP_ACT_ERRNO", at(spec(), "linux/seccomp/defaultAction").getAsString());
    seccomp(ProfileType.Unconfined, "");
    assertFalse(at(spec(), "linux").getAsJsonObject().has("seccomp"));
  }

  private Set<String> allowed() {
    return at(spec(), "linux/seccomp/syscalls").getAsJsonArray().asList().stream()
        .map(JsonElement::getAsJsonObject)
        .filter(rule -> rule.get("action").getAsString().equals("SCMP_ACT_ALLOW"))
        .filter(rule -> !rule.has("args"))
        .flatMap(rule -> strings(rule.get("names")).stream())
        .collect(Collectors.toSet());
  }

  @Test
  void theDefaultFilterDependsOnCapabilitiesAndArchitecture() {
    seccomp(ProfileType.RuntimeDefault, "");
    Set<String> plain = allowed();
    assertTrue(plain.containsAll(Set.of("read", "openat2", "arch_prctl", "chroot")));
    for (String call : List.of("mount", "clone", "bpf", "keyctl", "io_uring_setup", "reboot")) {
      assertFalse(plain.contains(call), call);
    }
    capabilities(List.of("SYS_ADMIN"), List.of("SYS_CHROOT"), List.of());
    Set<String> admin = allowed();
    assertTrue(admin.containsAll(Set.of("mount", "clone", "clone3", "bpf")));
    assertFalse(admin.contains("chroot"));
  }

  @Test
  void aLocalhostProfileIsReadFromItsFile() throws IOException {
    Path file = Files.writeString(folder.resolve("p.json"), "{\"defaultAction\":\"X\"}");
    seccomp(ProfileType.Localhost, "localhost/" + file);
    assertEquals("X", at(spec(), "linux/seccomp/defaultAction").getAsString());
    Files.writeString(file, "[]");
    refused(Refusal.Code.FAILED_PRECONDITION, "JSON object");
    Files.delete(file);
    refused(Refusal.Code.FAILED_PRECONDITION, "cannot be read");
    seccomp(ProfileType.Localhost, "relative.json");
    refused(Refusal.Code.INVALID_ARGUMENT, "absolute");
    seccomp(ProfileType.Localhost, "");
    refused(Refusal.Code.INVALID_ARGUMENT, "localhost_ref");
    seccomp(ProfileType.RuntimeDefault, "x");
    refused(Refusal.Code.INVALID_ARGUMENT, "localhost_ref");
  }

  @Test
  void apparmorWhereTheHostHasNoneIsRefused() {
    spec();
    Requests.security(config)
        .setApparmor(SecurityProfile.newBuilder().setProfileType(ProfileType.Unconfined));
    spec();
    Requests.security(config)
        .setApparmor(SecurityProfile.newBuilder().setProfileType(ProfileType.RuntimeDefault));
    refused(Refusal.Code.FAILED_PRECONDITION, "AppArmor");
  }

  @Test
  void apparmorWhereTheHostHasIt() {
    host = Requests.hostWithAppArmor(Set.of("cri-containerd.apparmor.d", "mine"));
    assertEquals("cri-containerd.apparmor.d", at(spec(), "process/apparmorProfile").getAsString());
    SecurityProfile.Builder local =
        SecurityProfile.newBuilder().setProfileType(ProfileType.Localhost);
    Requests.security(config).setApparmor(local.setLocalhostRef("localhost/mine"));
    assertEquals("mine", at(spec(), "process/apparmorProfile").getAsString());
    Requests.security(config).setApparmor(local.setLocalhostRef("gone"));
    refused(Refusal.Code.FAILED_PRECONDITION, "gone", "not loaded");
  }

  @Test
  void selinuxWhereTheHostHasNoneIsRefused() {
    Requests.security(config).setSelinuxOptions(SELinuxOption.newBuilder().setLevel("s0:c1,c2"));
    refused(Refusal.Code.FAILED_PRECONDITION, "SELinux");
    policy = new SpecPolicy(false, "", true, false, true, true, false, true, true);
    host =
        new HostTraits(
            0, host.capabilities(), true, true, Optional.empty(), false, false, false, "amd64");
    JsonObject spec = spec();
    assertEquals(
        "system_u:system_r:container_t:s0:c1,c2", at(spec, "process/selinuxLabel").getAsString());
    assertEquals(
        "system_u:object_r:container_file_t:s0:c1,c2", at(spec, "linux/mountLabel").getAsString());
    Requests.security(config).setSelinuxOptions(SELinuxOption.newBuilder().setLevel("s0; rm"));
    refused(Refusal.Code.INVALID_ARGUMENT, "level");
  }

  // Annotations, base spec, sandbox, exec.

  @Test
  void annotationsNameThePodAndTheContainer() {
    config.putAnnotations("dev.x/a", "1").putAnnotations("other", "2");
    pod.putAnnotations("pod/a", "3").putAnnotations("pod/a/b", "4");
    HandlerTraits handler =
        new HandlerTraits(
            false,
            List.of("pod/*"),
            List.of("dev.x/?"),
            false,
            false,
            false,
            true,
            Optional.empty());
    JsonObject annotations = spec(Requests.with(input(), handler)).getAsJsonObject("annotations");
    assertEquals("container", annotations.get("io.kubernetes.cri.container-type").getAsString());
    assertEquals("s1", annotations.get("io.kubernetes.cri.sandbox-id").getAsString());
    assertEquals("main", annotations.get("io.kubernetes.cri.container-name").getAsString());
    assertEquals("shop", annotations.get("io.kubernetes.cri.sandbox-namespace").getAsString());
    assertEquals("1", annotations.get("dev.x/a").getAsString());
    assertEquals("3", annotations.get("pod/a").getAsString());
    assertFalse(annotations.has("other"));
    assertFalse(annotations.has("pod/a/b"));
  }

  @Test
  void annotationPatternsMatchAsInGo() {
    assertTrue(CriAnnotations.matches("*", ""));
    assertTrue(CriAnnotations.matches("a*c", "abbc"));
    assertFalse(CriAnnotations.matches("a*c", "a/c"));
    assertFalse(CriAnnotations.matches("a?", "a"));
    // A backtracking matcher would need longer than the sun shines.
    assertFalse(CriAnnotations.matches("*a".repeat(50), "a".repeat(49) + "b".repeat(2000)));
  }

  @Test
  void theBaseSpecIsWhatTheContainerBeginsWith() {
    JsonObject base =
        JsonParser.parseString(
                "{\"process\":{\"env\":[\"X=1\",\"PATH=/base\"]},\"hooks\":{},"
                    + "\"linux\":{\"resources\":{\"pids\":{\"limit\":10}}},"
                    + "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\"}]}")
            .getAsJsonObject();
    HandlerTraits handler =
        new HandlerTraits(
            false, List.of(), List.of(), false, false, false, true, Optional.of(base));
    JsonObject spec = spec(Requests.with(input(), handler));
    assertEquals(10, at(spec, "linux/resources/pids/limit").getAsInt());
    assertTrue(strings(at(spec, "process/env")).contains("X=1"));
    assertEquals(List.of("/proc", "/sys/fs/cgroup"), targets(spec));
    assertFalse(base.getAsJsonObject("process").has("args"), "the base spec was changed");
  }

  @Test
  void thePauseProcessIsConfinedAndNamed() {
    modes(NamespaceMode.POD, NamespaceMode.POD, NamespaceMode.POD);
    PodNamespaces pins =
        new PodNamespaces(pin("net"), pin("ipc"), pin("uts"), Optional.empty(), Optional.empty());
    ImageDefaults pause =
        new ImageDefaults(List.of("/pause"), List.of(), List.of(), "65535:65535", "/");
    JsonObject spec =
        new SpecBuilder(host, policy)
            .sandbox(
                new SandboxInput(
                    "s1",
                    pod.setLogDirectory("/var/log/pods").build(),
                    "pause:3",
                    pause,
                    rootfs,
                    "rootfs",
                    "webhost",
                    pins,
                    new PodFiles(Optional.empty(), Optional.empty(), Optional.empty(), pin("shm")),
                    HandlerTraits.defaults()));
    assertEquals(
        List.of("pid", "ipc=/run/x/ipc", "uts=/run/x/uts", "network=/run/x/net", "mount"),
        namespaces(spec));
    assertEquals("webhost", spec.get("hostname").getAsString());
    assertTrue(at(spec, "root/readonly").getAsBoolean());
    assertEquals(65535, at(spec, "process/user/uid").getAsInt());
    assertEquals(2, at(spec, "linux/resources/cpu/shares").getAsInt());
    assertEquals(0, at(spec, "process/oomScoreAdj").getAsInt(), "clamped from -998");
    JsonObject annotations = spec.getAsJsonObject("annotations");
    assertEquals("sandbox", annotations.get("io.kubernetes.cri.container-type").getAsString());
    assertEquals(
        "/var/log/pods", annotations.get("io.kubernetes.cri.sandbox-log-directory").getAsString());
  }

  @Test
  void anExecIsTheContainersProcessWithAnotherCommand() {
    JsonObject spec = spec();
    JsonObject exec = SpecBuilder.exec(spec, List.of("id", "-u"), true);
    assertEquals(List.of("id", "-u"), strings(exec.get("args")));
    assertTrue(strings(exec.get("env")).contains("TERM=xterm"));
    assertTrue(exec.get("terminal").getAsBoolean());
    assertEquals(spec.getAsJsonObject("process").get("user"), exec.get("user"));
    assertEquals(List.of("sh"), strings(at(spec, "process/args")));
    assertThrows(Refusal.class, () -> SpecBuilder.exec(spec, List.of(), false));
  }

  @Test
  void sysctlsOfThePod() {
    modes(NamespaceMode.POD, NamespaceMode.CONTAINER, NamespaceMode.CONTAINER);
    pod.getLinuxBuilder()
        .putSysctls("net.ipv4.ip_unprivileged_port_start", "80")
        .putSysctls("kernel/shm_rmid_forced", "1");
    assertEquals(
        Map.of(
            "kernel.shm_rmid_forced", "1",
            "net.ipv4.ip_unprivileged_port_start", "80",
            "net.ipv4.ping_group_range", "0 2147483647"),
        Sysctls.of(pod.build(), policy));
    pod.getLinuxBuilder().clearSysctls().putSysctls("kernel.panic", "1");
    assertThrows(Refusal.class, () -> Sysctls.of(pod.build(), policy));
    pod.getLinuxBuilder().clearSysctls().putSysctls("net/../kernel/panic", "1");
    assertThrows(Refusal.class, () -> Sysctls.of(pod.build(), policy));
    modes(NamespaceMode.NODE, NamespaceMode.CONTAINER, NamespaceMode.CONTAINER);
    pod.getLinuxBuilder().clearSysctls();
    assertEquals(Map.of(), Sysctls.of(pod.build(), policy));
    pod.getLinuxBuilder().putSysctls("net.core.somaxconn", "1");
    assertThrows(Refusal.class, () -> Sysctls.of(pod.build(), policy));
  }
}
