package dev.retainerd.shim.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.shim.output.EventLoop;
import dev.retainerd.shim.wire.cgroups2.Metrics;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Both versions of cgroups, on files that look like the kernel's. */
class CgroupTest {
  @TempDir Path root;

  private Path unified() throws Exception {
    Files.writeString(root.resolve("cgroup.controllers"), "cpu io memory pids\n");
    Path group = Files.createDirectories(root.resolve("pods/c1"));
    write(group, "pids.current", "7\n");
    write(group, "pids.max", "max\n");
    write(
        group,
        "cpu.stat",
        "usage_usec 1000\nuser_usec 600\nsystem_usec 400\nnr_periods 5\nnr_throttled 2\n"
            + "throttled_usec 30\n");
    write(
        group,
        "memory.stat",
        "anon 100\nfile 200\nkernel_stack 3\nfile_writeback 4\nunevictable 5\npgfault 6\n");
    write(group, "memory.current", "4096\n");
    write(group, "memory.max", "max\n");
    write(group, "memory.peak", "8192\n");
    write(group, "memory.swap.current", "0\n");
    write(group, "memory.swap.max", "1024\n");
    write(group, "memory.events", "low 0\nhigh 1\nmax 2\noom 0\noom_kill 0\noom_group_kill 0\n");
    write(
        group,
        "io.stat",
        "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n253:1 rbytes=1 wbytes=2"
            + " rios=3 wios=4 dbytes=0 dios=0\n");
    write(group, "cgroup.procs", "11\n12\n");
    write(Files.createDirectories(group.resolve("below")), "cgroup.procs", "13\n");
    return group;
  }

  private static void write(Path group, String name, String text) throws Exception {
    Files.writeString(group.resolve(name), text);
  }

  private Cgroup second() throws Exception {
    unified();
    return Cgroup.of(List.of("0::/pods/c1"), root);
  }

  @Test
  void statsOfTheSecondVersion() throws Exception {
    Cgroup cgroup = second();
    assertTrue(cgroup.isUnified());
    assertEquals("/pods/c1", cgroup.name());
    Stats stats = Stats.read(cgroup);
    assertEquals("io.containerd.cgroups.v2.Metrics", stats.type());
    Metrics metrics = (Metrics) stats.message();
    assertEquals(7, metrics.getPids().getCurrent());
    assertEquals(0, metrics.getPids().getLimit());
    assertEquals(1000, metrics.getCpu().getUsageUsec());
    assertEquals(2, metrics.getCpu().getNrThrottled());
    assertEquals(4096, metrics.getMemory().getUsage());
    assertEquals(-1, metrics.getMemory().getUsageLimit(), "max is the largest unsigned number");
    assertEquals(8192, metrics.getMemory().getMaxUsage());
    assertEquals(1024, metrics.getMemory().getSwapLimit());
    assertEquals(100, metrics.getMemory().getAnon());
    assertEquals(4, metrics.getMemory().getFileWriteback());
    assertEquals(2, metrics.getMemoryEvents().getMax());
    assertEquals(2, metrics.getIo().getUsageCount());
    assertEquals(8, metrics.getIo().getUsage(0).getMajor());
    assertEquals(8192, metrics.getIo().getUsage(0).getWbytes());
    assertEquals(3, metrics.getIo().getUsage(1).getRios());
    assertEquals(List.of(11, 12, 13), cgroup.pids());
  }

  @Test
  void oomOfTheSecondVersionIsHeardOnceItKills() throws Exception {
    Cgroup cgroup = second();
    Path events = root.resolve("pods/c1/memory.events");
    Semaphore struck = new Semaphore(0);
    EventLoop loop = new EventLoop();
    OomWatch watch = OomWatch.start(loop, cgroup, struck::release);
    Semaphore begun = new Semaphore(0);
    loop.submit(begun::release);
    assertTrue(begun.tryAcquire(10, TimeUnit.SECONDS));
    // The limit was hit, nobody was killed.
    Files.writeString(events, "low 0\nhigh 1\nmax 3\noom 1\noom_kill 0\n");
    assertEquals(0, cgroup.oomKills());
    Files.writeString(events, "low 0\nhigh 1\nmax 3\noom 1\noom_kill 1\n");
    assertTrue(struck.tryAcquire(10, TimeUnit.SECONDS), "no OOM was told");
    assertEquals(1, cgroup.oomKills());
    watch.close();
    Semaphore closed = new Semaphore(0);
    loop.submit(closed::release);
    assertTrue(closed.tryAcquire(10, TimeUnit.SECONDS));
    struck.drainPermits();
    Files.writeString(events, "low 0\nhigh 1\nmax 3\noom 2\noom_kill 2\n");
    assertEquals(0, struck.availablePermits());
  }

  @Test
  void hybridLayoutIsReadByItsFirstVersion() throws Exception {
    Path memory = Files.createDirectories(root.resolve("memory/pods/c1"));
    Path cpu = Files.createDirectories(root.resolve("cpu,cpuacct/pods/c1"));
    Files.createSymbolicLink(root.resolve("cpuacct"), root.resolve("cpu,cpuacct"));
    write(memory, "memory.usage_in_bytes", "5000\n");
    write(memory, "memory.limit_in_bytes", "9223372036854771712\n");
    write(memory, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
    write(cpu, "cpuacct.usage", "123\n");
    write(cpu, "cpuacct.usage_percpu", "100 23 \n");
    Cgroup cgroup =
        Cgroup.of(
            List.of("5:cpu,cpuacct:/pods/c1", "4:memory:/pods/c1", "1:name=systemd:/x", "0::/y"),
            root);
    assertTrue(!cgroup.isUnified());
    assertEquals("/memory/pods/c1", cgroup.name());
    assertEquals(3, cgroup.oomKills());
    Stats stats = Stats.read(cgroup);
    assertEquals("io.containerd.cgroups.v1.Metrics", stats.type());
    var metrics = (dev.retainerd.shim.wire.cgroups1.Metrics) stats.message();
    assertEquals(5000, metrics.getMemory().getUsage().getUsage());
    assertEquals(123, metrics.getCpu().getUsage().getTotal());
    assertEquals(List.of(100L, 23L), metrics.getCpu().getUsage().getPerCpuList());
    assertEquals(3, metrics.getMemoryOomControl().getOomKill());
  }

  @Test
  void groupThatIsGoneReadsAsNothing() throws Exception {
    Cgroup cgroup = Cgroup.of(List.of("0::/gone"), Files.createDirectories(root.resolve("empty")));
    assertEquals(0, cgroup.oomKills());
    assertEquals(List.of(), cgroup.pids());
    Stats.read(cgroup);
  }
}
