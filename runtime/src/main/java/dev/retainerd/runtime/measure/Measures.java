package dev.retainerd.runtime.measure;

import dev.retainerd.runtime.cgroup.CgroupUsage;
import dev.retainerd.runtime.cgroup.UsageReader;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.FileCalls;
import dev.retainerd.runtime.namespaces.NamespaceThread;
import dev.retainerd.runtime.snapshot.Usage;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Measures containers and pods. Thread-safe. */
public final class Measures {
  private static final Logger LOG = LoggerFactory.getLogger(Measures.class);
  private static final Duration NETWORK_PATIENCE = Duration.ofSeconds(5);

  /** As long as a count of a container's files is good enough; counting walks through them. */
  private static final long FILES_HOLD_NANOS = Duration.ofSeconds(10).toNanos();

  private static final int MOST_REMEMBERED = 20_000;

  /** Open files of a container's processes. */
  public record Descriptors(long files, long sockets) {}

  /** Width of the first column of /proc/PID/limits. */
  private static final int LIMIT_NAME = 26;

  private static final Map<String, String> LIMITS =
      Map.of(
          "Max open files", "RLIMIT_NOFILE",
          "Max processes", "RLIMIT_NPROC",
          "Max core file size", "RLIMIT_CORE",
          "Max stack size", "RLIMIT_STACK",
          "Max locked memory", "RLIMIT_MEMLOCK",
          "Max address space", "RLIMIT_AS");

  private record Sample(long cpuNanos, long atNanos, OptionalLong rate) {}

  private record CountedFiles(Usage usage, long atNanos, boolean last) {}

  private final UsageReader cgroups;
  private final Function<String, Usage> writableLayer;
  private final LongSupplier nanoTime;
  private final ConcurrentHashMap<String, Sample> samples = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, CountedFiles> files = new ConcurrentHashMap<>();

  /**
   * Makes it.
   *
   * @param writableLayer counts the files of a container's own layer, by its id
   * @param nanoTime a clock that never goes back
   */
  public Measures(
      UsageReader cgroups, Function<String, Usage> writableLayer, LongSupplier nanoTime) {
    this.cgroups = cgroups;
    this.writableLayer = writableLayer;
    this.nanoTime = nanoTime;
  }

  /** What a container's task uses; empty where it does not run. */
  public Optional<CgroupUsage> ofTask(TaskEntry task) {
    boolean lives =
        task.getPhase() == TaskPhase.TASK_PHASE_RUNNING
            || task.getPhase() == TaskPhase.TASK_PHASE_PAUSED;
    return lives ? cgroups.ofProcess(task.getInit().getPid()) : Optional.empty();
  }

  /** What a pod uses as a whole; empty where it has no cgroup of its own. */
  public Optional<CgroupUsage> ofPod(String cgroupParent) {
    try {
      return cgroupParent.isEmpty() ? Optional.empty() : cgroups.ofPath(cgroupParent);
    } catch (Refusal e) {
      return Optional.empty();
    }
  }

  /**
   * Processors that {@code name} kept busy between this call and the one before, in billionths;
   * empty at the first one.
   */
  public OptionalLong rate(String name, long cpuNanos) {
    if (samples.size() > MOST_REMEMBERED) {
      samples.clear();
    }
    long now = nanoTime.getAsLong();
    return samples
        .merge(name, new Sample(cpuNanos, now, OptionalLong.empty()), Measures::next)
        .rate();
  }

  private static Sample next(Sample before, Sample now) {
    long passed = now.atNanos() - before.atNanos();
    if (passed <= 0 || now.cpuNanos() < before.cpuNanos()) {
      return new Sample(now.cpuNanos(), now.atNanos(), before.rate());
    }
    double busy = (double) (now.cpuNanos() - before.cpuNanos()) / passed;
    return new Sample(now.cpuNanos(), now.atNanos(), OptionalLong.of((long) (busy * 1e9)));
  }

  /** Forgets what is not among these any more. */
  public void keepOnly(Set<String> names) {
    samples.keySet().retainAll(names);
    files.keySet().retainAll(names);
  }

  /** How many containers and pods something is remembered of. */
  public int remembered() {
    return Math.max(samples.size(), files.size());
  }

  /**
   * What the container has written; an answer may be some seconds old.
   *
   * @param ended that it will never write again, so that one more count is good for ever
   */
  public Usage files(String containerId, boolean ended) {
    CountedFiles last = files.get(containerId);
    long now = nanoTime.getAsLong();
    boolean old =
        last != null && !last.last() && (ended || now - last.atNanos() > FILES_HOLD_NANOS);
    if (last == null || old) {
      if (files.size() > MOST_REMEMBERED) {
        files.clear();
      }
      last = new CountedFiles(counted(containerId), now, ended);
      files.put(containerId, last);
    }
    return last.usage();
  }

  private Usage counted(String containerId) {
    try {
      return writableLayer.apply(containerId);
    } catch (Refusal gone) {
      return new Usage(0, 0);
    }
  }

  /** The interfaces in a network namespace, without its loopback; none where it cannot be read. */
  public List<Interface> interfaces(Path netns) {
    try {
      return Interface.parse(
          NamespaceThread.insideNetwork(
              netns,
              NETWORK_PATIENCE,
              () -> Files.readString(Path.of("/proc/thread-self/net/dev"))));
    } catch (IOException e) {
      LOG.debug("the interfaces in {} cannot be read: {}", netns, e.getMessage());
      return List.of();
    }
  }

  /** Open files of a task's processes; those that end meanwhile are passed over. */
  public Descriptors descriptors(TaskEntry task) {
    long all = 0;
    long sockets = 0;
    for (int pid : cgroups.besides(task.getInit().getPid())) {
      Path folder = Path.of("/proc", Integer.toString(pid), "fd");
      try (DirectoryStream<Path> open = Files.newDirectoryStream(folder)) {
        for (Path one : open) {
          all++;
          sockets += Files.readSymbolicLink(one).toString().startsWith("socket:") ? 1 : 0;
        }
      } catch (IOException | java.nio.file.DirectoryIteratorException ended) {
        LOG.trace("process {} has ended", pid);
      }
    }
    return new Descriptors(all, sockets);
  }

  /** The soft limits of a task's first process by OCI's names; -1 where there is none. */
  public Map<String, Long> softLimits(TaskEntry task) {
    Map<String, Long> found = new TreeMap<>();
    Path file = Path.of("/proc", Integer.toString(task.getInit().getPid()), "limits");
    try {
      for (String line : Files.readAllLines(file)) {
        String name = line.length() > LIMIT_NAME ? line.substring(0, LIMIT_NAME).strip() : "";
        if (LIMITS.containsKey(name)) {
          String soft = line.substring(LIMIT_NAME).strip().split(" +")[0];
          found.put(LIMITS.get(name), soft.equals("unlimited") ? -1 : Long.parseLong(soft));
        }
      }
    } catch (IOException ended) {
      LOG.trace("task {} has ended", task.getContainerId());
    }
    return found;
  }

  /** Inodes that are left on the file system of a folder; 0 where that cannot be told. */
  public long freeInodes(Path folder) {
    try {
      return FileCalls.freeInodes(folder);
    } catch (IOException e) {
      return 0;
    }
  }
}
