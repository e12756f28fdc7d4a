package dev.retainerd.runtime.cgroup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.MountTable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class CgroupsTest {
  private static final Path VERSION2_MOUNT = Path.of("/sys/fs/cgroup/unified");
  private final String root = "/rntest-" + ProcessHandle.current().pid();

  @AfterEach
  void remove() {
    if (Files.isWritable(Path.of("/sys/fs/cgroup"))) {
      Cgroups.detect().remove(root);
    }
  }

  private static CgroupLimits limits(long memoryBytes, long cpuShares, long pids) {
    return new CgroupLimits(
        memoryBytes, 0, cpuShares, 50_000, 100_000, "0", "", pids, Map.of(), Map.of());
  }

  @Test
  @Tag("real")
  void aPodsCgroupIsMadeLimitedListedAndRemovedTwice() throws Exception {
    Cgroups cgroups = Cgroups.detect();
    String pod = root + "/pod1";
    cgroups.create(pod, limits(64 << 20, 512, 100));
    cgroups.create(pod, limits(32 << 20, 512, 100));
    if (cgroups.mode() != CgroupMode.UNIFIED) {
      Path memory = Path.of("/sys/fs/cgroup/memory" + pod);
      assertEquals(
          Long.toString(32 << 20),
          Files.readString(memory.resolve("memory.limit_in_bytes")).trim());
      assertEquals(
          "0", Files.readString(Path.of("/sys/fs/cgroup/cpuset" + pod + "/cpuset.cpus")).trim());
    }
    assertEquals(List.of(root, pod), cgroups.list(root).stream().map(CgroupEntry::path).toList());
    assertEquals(new MemoryEvents(0, false), cgroups.memoryEvents(pod).orElseThrow());
    assertTrue(cgroups.remove(root));
    assertFalse(cgroups.remove(root));
    assertFalse(cgroups.exists(root));
    assertTrue(cgroups.memoryEvents(pod).isEmpty());
  }

  @Test
  @Tag("real")
  void aCgroupWithAProcessStaysAndNamesIt() throws Exception {
    Cgroups cgroups = Cgroups.detect();
    String pod = root + "/pod2";
    cgroups.create(pod, CgroupLimits.none());
    Process process = new ProcessBuilder("sleep", "60").start();
    try {
      Path procs =
          cgroups.mode() == CgroupMode.UNIFIED
              ? Path.of("/sys/fs/cgroup" + pod, "cgroup.procs")
              : Path.of("/sys/fs/cgroup/pids" + pod, "cgroup.procs");
      Files.writeString(procs, "" + process.pid(), StandardOpenOption.WRITE);
      assertEquals(List.of((int) process.pid()), cgroups.processes(root));
      Refusal refusal = assertThrows(Refusal.class, () -> cgroups.remove(root));
      assertTrue(refusal.is(Refusal.Code.FAILED_PRECONDITION));
      assertTrue(refusal.sentence().contains("[" + process.pid() + "]"), refusal.sentence());
    } finally {
      process.destroyForcibly().waitFor();
    }
    assertTrue(cgroups.remove(root));
  }

  @Test
  @Tag("real")
  void aValueTheKernelRefusesIsNamed() {
    Cgroups cgroups = Cgroups.detect();
    CgroupLimits badCpus = new CgroupLimits(0, 0, 0, 0, 0, "900-901", "", 0, Map.of(), Map.of());
    Refusal refusal = assertThrows(Refusal.class, () -> cgroups.create(root, badCpus));
    assertTrue(refusal.is(Refusal.Code.INVALID_ARGUMENT));
    assertTrue(refusal.sentence().contains("cpuset.cpus"), refusal.sentence());
  }

  @Test
  @Tag("real")
  void version2HandsControllersDownAndRemoves() throws Exception {
    if (!Files.exists(VERSION2_MOUNT.resolve("cgroup.controllers"))) {
      return;
    }
    Cgroups cgroups =
        Cgroups.of(
            MountTable.parse(
                "1 1 0:1 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
                    + "2 1 0:2 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"));
    assertEquals(CgroupMode.HYBRID, cgroups.mode());
    cgroups.create(root + "/a/b", CgroupLimits.none());
    assertTrue(Files.exists(VERSION2_MOUNT.resolve(root.substring(1) + "/a/b/cgroup.procs")));
    assertTrue(cgroups.remove(root));
  }

  @Test
  void limitsBecomeTheFilesOfEachVersion() {
    CgroupLimits limits =
        new CgroupLimits(100, 150, 1024, -1, 0, "0-1", "0", -1, Map.of("2MB", 4L), Map.of());
    assertEquals(
        List.of(
            "memory.memsw.limit_in_bytes=-1",
            "memory.limit_in_bytes=100",
            "memory.memsw.limit_in_bytes=150",
            "cpu.shares=1024",
            "cpu.cfs_quota_us=-1",
            "cpuset.cpus=0-1",
            "cpuset.mems=0",
            "pids.max=max",
            "hugetlb.2MB.limit_in_bytes=4"),
        text(LimitFiles.of(limits, false)));
    assertEquals(
        List.of(
            "memory.max=100",
            "memory.swap.max=50",
            "cpu.weight=39",
            "cpu.max=max 100000",
            "cpuset.cpus=0-1",
            "cpuset.mems=0",
            "pids.max=max",
            "hugetlb.2MB.max=4"),
        text(LimitFiles.of(limits, true)));
  }

  private static List<String> text(List<LimitFiles.Setting> settings) {
    return settings.stream().map(s -> s.file() + "=" + s.value()).toList();
  }

  @Test
  void pathsOfContainersFollowTheDriver() {
    assertEquals(
        "/kubepods/pod1/c1", CgroupPath.ofContainer("/kubepods/pod1/", "/k8s.io", "c1", false));
    assertEquals("/k8s.io/c1", CgroupPath.ofContainer("", "/k8s.io", "c1", false));
    assertEquals(
        "kubepods-pod1.slice:retainerd:c1",
        CgroupPath.ofContainer("/kubepods.slice/kubepods-pod1.slice", "/k8s.io", "c1", true));
    assertEquals(
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice",
        CgroupPath.ofSlice("kubepods-burstable-pod1.slice"));
    for (String bad : List.of("", "/", "kubepods", "/a/../..", "/a/..")) {
      assertThrows(Refusal.class, () -> CgroupPath.checked(bad), bad);
    }
    assertThrows(Refusal.class, () -> CgroupPath.ofContainer("/a", "/k8s.io", "c1", true));
  }
}
