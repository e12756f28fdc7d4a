package dev.retainerd.runtime.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import dev.retainerd.runtime.linux.KernelCapabilities;
import dev.retainerd.wire.cri.v1.Capability;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.Device;
import dev.retainerd.wire.cri.v1.IDMapping;
import dev.retainerd.wire.cri.v1.KeyValue;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.Mount;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.NamespaceOption;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.SecurityProfile;
import dev.retainerd.wire.cri.v1.SecurityProfile.ProfileType;
import dev.retainerd.wire.cri.v1.UserNamespace;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The specs on real runc and crun with a busybox: what a process inside sees. */
@Tag("real")
class SpecOnRealRuntimeTest {
  private static final String CGROUP = "retainerd-spec-test-" + ProcessHandle.current().pid();

  @TempDir Path folder;

  private Path rootfs;
  private PodSandboxConfig.Builder pod;
  private ContainerConfig.Builder config;
  private HandlerTraits handler;
  private PodNamespaces namespaces;
  private boolean crun;

  @BeforeEach
  void aBusybox() throws IOException {
    rootfs = Files.createDirectories(folder.resolve("bundle/rootfs"));
    for (String name : List.of("bin", "etc", "proc", "dev", "sys", "tmp")) {
      Files.createDirectories(rootfs.resolve(name));
    }
    Files.copy(Path.of("/bin/busybox"), rootfs.resolve("bin/busybox"));
    for (String applet :
        List.of(
            "sh",
            "cat",
            "id",
            "echo",
            "grep",
            "touch",
            "mount",
            "stat",
            "hostname",
            "ls",
            "unshare",
            "chroot",
            "readlink",
            "ulimit")) {
      Files.createSymbolicLink(rootfs.resolve("bin/" + applet), Path.of("busybox"));
    }
    Files.writeString(rootfs.resolve("etc/passwd"), "web:x:33:44::/:/bin/sh\n");
    Files.writeString(rootfs.resolve("etc/group"), "web:x:44:\nlog:x:5:web\n");
    pod = Requests.pod();
    pod.getLinuxBuilder().setCgroupParent("/" + CGROUP);
    handler = HandlerTraits.defaults();
    namespaces = PodNamespaces.ofNode();
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    for (String id : List.of("c1", "s1")) {
      try (DirectoryStream<Path> hierarchies =
          Files.newDirectoryStream(Path.of("/sys/fs/cgroup"))) {
        for (Path hierarchy : hierarchies) {
          assertFalse(Files.exists(hierarchy.resolve(CGROUP).resolve(id)), hierarchy::toString);
        }
      }
    }
    try (DirectoryStream<Path> hierarchies = Files.newDirectoryStream(Path.of("/sys/fs/cgroup"))) {
      for (Path hierarchy : hierarchies) {
        Files.deleteIfExists(hierarchy.resolve(CGROUP));
      }
    }
  }

  private static SpecBuilder builder() throws IOException {
    return new SpecBuilder(HostTraits.read(), SpecPolicy.defaults());
  }

  private String script(String script) throws Exception {
    ContainerConfig container =
        config.clearCommand().addAllCommand(List.of("/bin/sh", "-c", script)).build();
    ContainerInput input = Requests.input(container, pod.build(), ImageDefaults.none(), rootfs);
    JsonObject spec =
        builder().container(Requests.with(input, namespaces, PodFiles.none(), handler));
    return run("c1", spec);
  }

  private String run(String id, JsonObject spec) throws Exception {
    Path bundle = folder.resolve("bundle");
    Files.writeString(bundle.resolve("config.json"), spec.toString());
    Path output = folder.resolve("output");
    // Not /dev/null: crun gives what is its input to the container's root.
    Path input = Files.write(folder.resolve("input"), new byte[0]);
    String runtime = crun ? "crun" : "runc";
    // crun 1.8 refuses hosts with cgroups of both versions, so it sees version 1 alone.
    String hide = crun ? "umount /sys/fs/cgroup/unified 2>/dev/null; " : "";
    String command = hide + "exec " + runtime + " --root " + folder + "/run ";
    Process process =
        new ProcessBuilder(
                "unshare", "-m", "sh", "-c", command + "run --bundle " + bundle + " " + id)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .redirectInput(input.toFile())
            .start();
    try {
      assertTrue(process.waitFor(60, TimeUnit.SECONDS), "the container does not end");
    } finally {
      process.destroyForcibly();
      new ProcessBuilder("unshare", "-m", "sh", "-c", command + "delete --force " + id)
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start()
          .waitFor(60, TimeUnit.SECONDS);
    }
    return Files.readString(output).strip();
  }

  private void anyContainer() {
    config = Requests.container();
  }

  @Test
  void aPlainContainerIsConfinedAsContainerdDoes() throws Exception {
    for (boolean each : List.of(false, true)) {
      crun = each;
      anyContainer();
      config.addEnvs(KeyValue.newBuilder().setKey("A").setValue(ByteString.copyFromUtf8("b c")));
      config.setWorkingDir("/tmp");
      Requests.security(config)
          .addMaskedPaths("/proc/version")
          .addMaskedPaths("/sys/firmware")
          .addReadonlyPaths("/proc/sys")
          .setNoNewPrivs(true)
          .setReadonlyRootfs(true)
          .setSeccomp(SecurityProfile.newBuilder().setProfileType(ProfileType.RuntimeDefault));
      String seen =
          script(
              """
              id; pwd; echo "A=$A H=$HOSTNAME"
              grep -E '^(CapEff|CapBnd|CapInh|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status
              cat /proc/version | grep -c . ; ls /sys/firmware
              touch /x 2>&1; (echo 1 > /proc/sys/vm/swappiness) 2>&1
              unshare -U echo escaped 2>&1
              chroot / /bin/echo chrooted
              (echo $$; cat /proc/1/comm)
              """);
      List<String> lines = seen.lines().map(line -> line.replaceAll("\\s+", " ")).toList();
      assertEquals(
          List.of(
              "uid=0 gid=0 groups=0",
              "/tmp",
              "A=b c H=webhost",
              "CapInh: 0000000000000000",
              "CapEff: 00000000a80425fb",
              "CapBnd: 00000000a80425fb",
              "CapAmb: 0000000000000000",
              "NoNewPrivs: 1",
              "Seccomp: 2",
              "0",
              "touch: /x: Read-only file system",
              "/bin/sh: can't create /proc/sys/vm/swappiness: Read-only file system",
              "unshare: unshare(0x10000000): Operation not permitted",
              "chrooted",
              "1",
              "sh"),
          lines,
          seen);
    }
  }

  @Test
  void aUserOfTheImageWithItsGroupsAndAmbientCapabilities() throws Exception {
    for (boolean each : List.of(false, true)) {
      crun = each;
      anyContainer();
      Requests.security(config)
          .setRunAsUsername("web")
          .addSupplementalGroups(77)
          .setCapabilities(
              Capability.newBuilder()
                  .addDropCapabilities("ALL")
                  .addAddAmbientCapabilities("NET_BIND_SERVICE"));
      String seen = script("id; grep -E '^Cap(Eff|Prm|Amb|Bnd)' /proc/self/status");
      assertEquals(
          List.of(
              "uid=33(web) gid=44(web) groups=5(log),44(web),77",
              "CapPrm: 0000000000000400",
              "CapEff: 0000000000000400",
              "CapBnd: 0000000000000400",
              "CapAmb: 0000000000000400"),
          seen.lines().map(line -> line.replaceAll("\\s+", " ")).toList(),
          seen);
    }
  }

  @Test
  void aPrivilegedContainerSeesTheNodesDevicesAndMayMount() throws Exception {
    for (boolean each : List.of(false, true)) {
      crun = each;
      anyContainer();
      pod.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true);
      Requests.security(config).setPrivileged(true);
      String seen =
          script(
              "mount -t tmpfs none /tmp && touch /tmp/x && echo mounted;"
                  + " grep Seccomp: /proc/self/status; grep CapEff /proc/self/status;"
                  + " ls -l /dev/null | cut -c1");
      HostTraits host = HostTraits.read();
      assertTrue(seen.contains("mounted"), seen);
      assertTrue(seen.contains("Seccomp:\t0"), seen);
      String mask = seen.replaceAll("(?s).*CapEff:\\s*([0-9a-f]+).*", "$1");
      assertEquals(
          host.capabilities(), KernelCapabilities.ofMask(Long.parseUnsignedLong(mask, 16)));
    }
  }

  @Test
  void bindMountsDevicesAndLimits() throws Exception {
    Path data = Files.createDirectories(folder.resolve("data"));
    Files.writeString(data.resolve("file"), "there");
    for (boolean each : List.of(false, true)) {
      crun = each;
      anyContainer();
      config
          .addMounts(
              Mount.newBuilder()
                  .setHostPath(data.toString())
                  .setContainerPath("/data")
                  .setReadonly(true)
                  .setRecursiveReadOnly(true))
          .addMounts(
              Mount.newBuilder()
                  .setHostPath(folder.resolve("made").toString())
                  .setContainerPath("/data2/deep"))
          .addDevices(
              Device.newBuilder()
                  .setHostPath("/dev/kmsg")
                  .setContainerPath("/dev/nil")
                  .setPermissions("r"));
      config
          .getLinuxBuilder()
          .setResources(
              LinuxContainerResources.newBuilder()
                  .setMemoryLimitInBytes(64 << 20)
                  .setCpuShares(100)
                  .setCpuPeriod(100_000)
                  .setCpuQuota(50_000)
                  .setOomScoreAdj(-900));
      String seen =
          script(
              """
              cat /data/file; echo
              touch /data/x 2>&1; touch /data2/deep/x
              stat -c %F:%t:%T /dev/nil; (echo > /dev/nil) 2>&1
              cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.shares
              cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /proc/self/oom_score_adj
              """);
      int adj = Math.max(HostTraits.read().oomScoreAdj(), -900);
      assertEquals(
          List.of(
              "there",
              "touch: /data/x: Read-only file system",
              "character special file:1:b",
              "/bin/sh: can't create /dev/nil: Operation not permitted",
              Integer.toString(64 << 20),
              "100",
              "50000",
              Integer.toString(adj)),
          seen.lines().toList(),
          seen);
      assertTrue(Files.exists(folder.resolve("made/x")));
      Files.delete(folder.resolve("made/x"));
    }
  }

  @Test
  void limitsOfABaseSpecThatCannotBeHadAreCutInsteadOfFailing() throws Exception {
    JsonObject base =
        JsonParser.parseString(
                "{\"process\":{\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
                    + "\"hard\":1000000000,\"soft\":100}]}}")
            .getAsJsonObject();
    handler =
        new HandlerTraits(
            false, List.of(), List.of(), false, false, false, true, Optional.of(base));
    anyContainer();
    assertEquals("100", script("ulimit -n"));
  }

  @Test
  void thePinnedNamespacesOfAPodAreJoined() throws Exception {
    Process holder =
        new ProcessBuilder(
                "unshare", "-n", "-i", "-u", "sh", "-c", "hostname pod-host; echo; exec sleep 60")
            .start();
    try {
      holder.getInputStream().read();
      Path ns = Path.of("/proc/" + holder.pid() + "/ns");
      namespaces =
          new PodNamespaces(
              Optional.of(ns.resolve("net")),
              Optional.of(ns.resolve("ipc")),
              Optional.of(ns.resolve("uts")),
              Optional.empty(),
              Optional.empty());
      NamespaceOption.Builder own = NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER);
      pod.getLinuxBuilder().getSecurityContextBuilder().setNamespaceOptions(own);
      for (boolean each : List.of(false, true)) {
        crun = each;
        anyContainer();
        String seen = script("hostname; for n in net ipc uts; do readlink /proc/self/ns/$n; done");
        List<String> expected =
            Arrays.asList(
                "pod-host",
                Files.readSymbolicLink(ns.resolve("net")).toString(),
                Files.readSymbolicLink(ns.resolve("ipc")).toString(),
                Files.readSymbolicLink(ns.resolve("uts")).toString());
        assertEquals(expected, seen.lines().toList(), seen);
      }
    } finally {
      holder.destroyForcibly();
      assertTrue(holder.waitFor(10, TimeUnit.SECONDS));
    }
  }

  @Test
  void theUserNamespaceOfAPodIsJoined() throws Exception {
    int host = 0x7100_0000;
    int length = 65_536;
    Process holder =
        new ProcessBuilder("unshare", "-U", "-n", "-i", "-u", "sh", "-c", "echo; exec sleep 60")
            .start();
    try {
      holder.getInputStream().read();
      Path proc = Path.of("/proc/" + holder.pid());
      for (String map : List.of("uid_map", "gid_map")) {
        Files.writeString(proc.resolve(map), "0 " + host + " " + length + "\n");
      }
      Path ns = proc.resolve("ns");
      namespaces =
          new PodNamespaces(
              Optional.of(ns.resolve("net")),
              Optional.of(ns.resolve("ipc")),
              Optional.of(ns.resolve("uts")),
              Optional.empty(),
              Optional.of(ns.resolve("user")));
      IDMapping.Builder all =
          IDMapping.newBuilder().setContainerId(0).setHostId(host).setLength(length);
      NamespaceOption.Builder own =
          NamespaceOption.newBuilder()
              .setPid(NamespaceMode.CONTAINER)
              .setUsernsOptions(
                  UserNamespace.newBuilder().setMode(NamespaceMode.POD).addUids(all).addGids(all));
      pod.getLinuxBuilder().getSecurityContextBuilder().setNamespaceOptions(own);
      // As the daemon's own folders are: whoever is root in there is a stranger to the node.
      for (Path entered : List.of(folder, folder.resolve("bundle"))) {
        Files.setPosixFilePermissions(entered, PosixFilePermissions.fromString("rwx--x--x"));
      }
      String owner = host + ":" + host;
      Process given =
          new ProcessBuilder("chown", "-R", "-h", owner, rootfs.toString()).inheritIO().start();
      assertEquals(0, given.waitFor());
      for (boolean each : List.of(false, true)) {
        crun = each;
        anyContainer();
        Requests.security(config).setNamespaceOptions(own);
        String seen =
            script(
                """
                id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map
                for n in user net; do readlink /proc/self/ns/$n; done
                stat -c %u:%g /bin/busybox; touch /tmp/made; chown 7:8 /tmp/made
                grep CapEff /proc/self/status; mount -t tmpfs none /tmp 2>&1
                stat -c %u:%g /proc/1
                """);
        String map = "0 " + host + " " + length;
        assertEquals(
            List.of(
                "0",
                "0",
                map,
                map,
                Files.readSymbolicLink(ns.resolve("user")).toString(),
                Files.readSymbolicLink(ns.resolve("net")).toString(),
                "0:0",
                "CapEff: 00000000a80425fb",
                "mount: permission denied (are you root?)",
                "0:0"),
            seen.lines().map(line -> line.strip().replaceAll("\\s+", " ")).toList(),
            seen);
        assertEquals(0, Files.getAttribute(Path.of("/dev/null"), "unix:uid"));
        Path made = rootfs.resolve("tmp/made");
        assertEquals(host + 7, Files.getAttribute(made, "unix:uid"));
        assertEquals(host + 8, Files.getAttribute(made, "unix:gid"));
        Files.delete(made);
      }
    } finally {
      holder.destroyForcibly();
      assertTrue(holder.waitFor(10, TimeUnit.SECONDS));
    }
  }

  @Test
  void aPauseProcessRuns() throws Exception {
    for (boolean each : List.of(false, true)) {
      crun = each;
      ImageDefaults pause =
          new ImageDefaults(
              List.of("/bin/sh", "-c"), List.of("id -u; echo $$"), List.of(), "9:9", "/");
      JsonObject spec =
          builder()
              .sandbox(
                  new SandboxInput(
                      "s1",
                      pod.build(),
                      "",
                      pause,
                      rootfs,
                      "rootfs",
                      "h",
                      PodNamespaces.ofNode(),
                      PodFiles.none(),
                      handler));
      assertEquals(List.of("9", "1"), run("s1", spec).lines().toList());
    }
  }

  @Test
  void theTraitsOfThisMachineAreRead() throws IOException {
    HostTraits host = HostTraits.read();
    assertTrue(host.capabilities().contains("CAP_SYS_ADMIN"), "the real tests need root");
    assertTrue(host.seccomp());
  }
}
