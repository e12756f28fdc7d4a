package dev.retainerd.runtime.cgroup;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Reads what cgroups use, straight from the kernel: no shim is asked, so none can hold it up.
 * Thread-safe.
 */
public final class UsageReader {
  private static final long NANOS_PER_MICRO = 1000;
  private static final String HUGETLB = "hugetlb.";

  private final Cgroups cgroups;

  public UsageReader(Cgroups cgroups) {
    this.cgroups = cgroups;
  }

  /** Of the cgroup of that path in every hierarchy; empty where there is none. */
  public Optional<CgroupUsage> ofPath(String path) {
    String checked = CgroupPath.checked(path);
    return read(hierarchy -> hierarchy.folder(checked));
  }

  /** Of the cgroup that the process is in; empty where it has ended. */
  public Optional<CgroupUsage> ofProcess(int pid) {
    Map<String, String> paths = new TreeMap<>();
    try {
      for (String line : Files.readAllLines(Path.of("/proc", Integer.toString(pid), "cgroup"))) {
        String[] fields = line.split(":", 3);
        if (fields.length == 3) {
          for (String controller : fields[1].split(",", -1)) {
            paths.put(controller, fields[2]);
          }
        }
      }
    } catch (IOException gone) {
      return Optional.empty();
    }
    return read(hierarchy -> folder(hierarchy, paths));
  }

  /** The processes in the same cgroup as this one; none where it has ended. */
  public List<Integer> besides(int pid) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc", Integer.toString(pid), "cgroup"))) {
        String[] fields = line.split(":", 3);
        boolean usable =
            fields.length == 3
                && fields[2].length() > 1
                && (fields[1].contains("memory") || fields[0].equals("0"));
        if (usable && cgroups.exists(fields[2])) {
          return cgroups.processes(fields[2]);
        }
      }
    } catch (IOException gone) {
      return List.of();
    }
    return List.of(pid);
  }

  private static Path folder(Hierarchy hierarchy, Map<String, String> paths) {
    String path =
        hierarchy.v2()
            ? paths.get("")
            : hierarchy.controllers().stream()
                .map(paths::get)
                .filter(p -> p != null)
                .findFirst()
                .orElse(null);
    return path == null ? hierarchy.mount().resolve("absent") : hierarchy.folder(path);
  }

  private Optional<CgroupUsage> read(Function<Hierarchy, Path> folders) {
    Map<String, Path> byController = new TreeMap<>();
    Path unified = null;
    for (Hierarchy hierarchy : cgroups.hierarchies()) {
      Path folder = folders.apply(hierarchy);
      if (!Files.isDirectory(folder)) {
        continue;
      }
      if (hierarchy.v2() && cgroups.mode() == CgroupMode.UNIFIED) {
        unified = folder;
      }
      hierarchy.controllers().forEach(name -> byController.put(name, folder));
    }
    if (unified != null) {
      return Optional.of(second(new Values(unified)));
    }
    return byController.containsKey("memory") || byController.containsKey("cpuacct")
        ? Optional.of(first(byController))
        : Optional.empty();
  }

  /** The files of one folder; what is not there counts as nothing. */
  private record Values(Path folder) {
    static Values of(Map<String, Path> folders, String controller) {
      return new Values(folders.getOrDefault(controller, Path.of("/nonexistent")));
    }

    String text(String file) {
      try {
        return Files.readString(folder.resolve(file)).strip();
      } catch (IOException absent) {
        return "";
      }
    }

    long number(String file) {
      return parsed(text(file));
    }

    long limit(String file) {
      String text = text(file);
      return text.isEmpty() || text.equals("max") ? Long.MAX_VALUE : parsed(text);
    }

    Map<String, Long> table(String file) {
      Map<String, Long> table = new TreeMap<>();
      for (String line : text(file).split("\n")) {
        int space = line.indexOf(' ');
        if (space > 0) {
          table.put(line.substring(0, space), parsed(line.substring(space + 1).strip()));
        }
      }
      return table;
    }

    Optional<CgroupUsage.Pressure> pressure(String file) {
      String text = text(file);
      if (text.isEmpty()) {
        return Optional.empty();
      }
      CgroupUsage.Stall some = CgroupUsage.Stall.NONE;
      CgroupUsage.Stall full = CgroupUsage.Stall.NONE;
      for (String line : text.split("\n")) {
        if (line.startsWith("some ")) {
          some = stall(line);
        } else if (line.startsWith("full ")) {
          full = stall(line);
        }
      }
      return Optional.of(new CgroupUsage.Pressure(some, full));
    }

    private static CgroupUsage.Stall stall(String line) {
      Map<String, String> fields = new TreeMap<>();
      for (String word : line.split(" ")) {
        int equals = word.indexOf('=');
        if (equals > 0) {
          fields.put(word.substring(0, equals), word.substring(equals + 1));
        }
      }
      return new CgroupUsage.Stall(
          Double.parseDouble(fields.getOrDefault("avg10", "0")),
          Double.parseDouble(fields.getOrDefault("avg60", "0")),
          Double.parseDouble(fields.getOrDefault("avg300", "0")),
          parsed(fields.getOrDefault("total", "0")) * NANOS_PER_MICRO);
    }

    /** A counter beyond the signed range is one that somebody let run over. */
    private static long parsed(String text) {
      try {
        return Long.parseLong(text);
      } catch (NumberFormatException e) {
        return text.length() > 18 ? Long.MAX_VALUE : 0;
      }
    }
  }

  private static long of(Map<String, Long> table, String name) {
    return table.getOrDefault(name, 0L);
  }

  private static CgroupUsage second(Values files) {
    Map<String, Long> cpu = files.table("cpu.stat");
    Map<String, Long> memory = files.table("memory.stat");
    Map<String, Long> events = files.table("memory.events");
    return new CgroupUsage(
        new CgroupUsage.Cpu(
            of(cpu, "usage_usec") * NANOS_PER_MICRO,
            of(cpu, "user_usec") * NANOS_PER_MICRO,
            of(cpu, "system_usec") * NANOS_PER_MICRO,
            of(cpu, "nr_periods"),
            of(cpu, "nr_throttled"),
            of(cpu, "throttled_usec") * NANOS_PER_MICRO,
            files.pressure("cpu.pressure")),
        new CgroupUsage.Memory(
            files.number("memory.current"),
            files.number("memory.peak"),
            files.limit("memory.max"),
            of(memory, "anon"),
            of(memory, "file"),
            of(memory, "kernel_stack"),
            of(memory, "file_mapped"),
            of(memory, "active_file"),
            of(memory, "inactive_file"),
            of(memory, "pgfault"),
            of(memory, "pgmajfault"),
            0,
            of(events, "oom_kill"),
            files.number("memory.swap.current"),
            files.limit("memory.swap.max"),
            files.pressure("memory.pressure")),
        hugePages(files, ".current", ".absent"),
        secondIo(files.text("io.stat")),
        files.pressure("io.pressure"),
        files.number("pids.current"),
        files.limit("pids.max"));
  }

  /** One for each file {@code hugetlb.SIZE.current} or the like; reservations are others. */
  private static List<CgroupUsage.HugePages> hugePages(Values files, String usage, String most) {
    List<CgroupUsage.HugePages> found = new ArrayList<>();
    try (DirectoryStream<Path> sizes =
        Files.newDirectoryStream(files.folder(), "hugetlb.*" + usage)) {
      for (Path file : sizes) {
        String name = file.getFileName().toString();
        String size = name.substring(HUGETLB.length(), name.length() - usage.length());
        if (size.indexOf('.') < 0) {
          found.add(
              new CgroupUsage.HugePages(
                  size, files.number(name), files.number(HUGETLB + size + most)));
        }
      }
    } catch (IOException absent) {
      return List.of();
    }
    found.sort(Comparator.comparing(CgroupUsage.HugePages::size));
    return found;
  }

  /** Lines such as {@code 8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0}. */
  private static List<CgroupUsage.DeviceIo> secondIo(String text) {
    List<CgroupUsage.DeviceIo> found = new ArrayList<>();
    for (String line : text.split("\n")) {
      String[] words = line.split(" ");
      String[] device = words[0].split(":");
      if (device.length != 2) {
        continue;
      }
      Map<String, Long> values = new TreeMap<>();
      for (String word : words) {
        int equals = word.indexOf('=');
        if (equals > 0) {
          values.put(word.substring(0, equals), Values.parsed(word.substring(equals + 1)));
        }
      }
      found.add(
          new CgroupUsage.DeviceIo(
              Values.parsed(device[0]),
              Values.parsed(device[1]),
              of(values, "rbytes"),
              of(values, "wbytes"),
              of(values, "rios"),
              of(values, "wios")));
    }
    return found;
  }

  private static CgroupUsage first(Map<String, Path> folders) {
    Values cpuacct = Values.of(folders, "cpuacct");
    Map<String, Long> cpu = Values.of(folders, "cpu").table("cpu.stat");
    Values pids = Values.of(folders, "pids");
    return new CgroupUsage(
        new CgroupUsage.Cpu(
            cpuacct.number("cpuacct.usage"),
            cpuacct.number("cpuacct.usage_user"),
            cpuacct.number("cpuacct.usage_sys"),
            of(cpu, "nr_periods"),
            of(cpu, "nr_throttled"),
            of(cpu, "throttled_time"),
            Optional.empty()),
        firstMemory(Values.of(folders, "memory")),
        hugePages(Values.of(folders, "hugetlb"), ".usage_in_bytes", ".max_usage_in_bytes"),
        firstIo(Values.of(folders, "blkio")),
        Optional.empty(),
        pids.number("pids.current"),
        pids.limit("pids.max"));
  }

  private static CgroupUsage.Memory firstMemory(Values files) {
    Map<String, Long> stat = files.table("memory.stat");
    long usage = files.number("memory.usage_in_bytes");
    long limit = files.limit("memory.limit_in_bytes");
    long both = files.number("memory.memsw.usage_in_bytes");
    long bothLimit = files.limit("memory.memsw.limit_in_bytes");
    boolean swapLimited =
        bothLimit < CgroupUsage.Memory.UNLIMITED && limit < CgroupUsage.Memory.UNLIMITED;
    return new CgroupUsage.Memory(
        usage,
        files.number("memory.max_usage_in_bytes"),
        limit,
        of(stat, "total_rss"),
        of(stat, "total_cache"),
        files.number("memory.kmem.usage_in_bytes"),
        of(stat, "total_mapped_file"),
        of(stat, "total_active_file"),
        of(stat, "total_inactive_file"),
        of(stat, "total_pgfault"),
        of(stat, "total_pgmajfault"),
        files.number("memory.failcnt"),
        of(files.table("memory.oom_control"), "oom_kill"),
        Math.max(0, both - usage),
        swapLimited ? Math.max(0, bothLimit - limit) : Long.MAX_VALUE,
        Optional.empty());
  }

  /** Lines of the form MAJOR:MINOR OPERATION VALUE, in two files. */
  private static List<CgroupUsage.DeviceIo> firstIo(Values files) {
    Map<String, long[]> devices = new TreeMap<>();
    count(files.text("blkio.throttle.io_service_bytes_recursive"), devices, 0);
    count(files.text("blkio.throttle.io_serviced_recursive"), devices, 2);
    List<CgroupUsage.DeviceIo> found = new ArrayList<>();
    devices.forEach(
        (device, values) -> {
          String[] numbers = device.split(":");
          found.add(
              new CgroupUsage.DeviceIo(
                  Values.parsed(numbers[0]),
                  Values.parsed(numbers[1]),
                  values[0],
                  values[1],
                  values[2],
                  values[3]));
        });
    return found;
  }

  private static void count(String text, Map<String, long[]> devices, int at) {
    for (String line : text.split("\n")) {
      String[] words = line.split(" ");
      if (words.length == 3 && words[0].indexOf(':') > 0) {
        long[] values = devices.computeIfAbsent(words[0], d -> new long[4]);
        if (words[1].equals("Read")) {
          values[at] = Values.parsed(words[2]);
        } else if (words[1].equals("Write")) {
          values[at + 1] = Values.parsed(words[2]);
        }
      }
    }
  }
}
