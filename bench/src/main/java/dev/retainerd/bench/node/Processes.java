package dev.retainerd.bench.node;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Looks at /proc. What has gone meanwhile is passed over. */
public final class Processes {
  private static final Path PROC = Path.of("/proc");

  /** Fields of stat, counted from the state, which is field 3 in proc(5). */
  private static final int USER_FIELD = 11;

  private static final int SYSTEM_FIELD = 12;
  private static final int START_FIELD = 19;

  /** USER_HZ is 100 on every Linux we run on. */
  private static final long MILLIS_PER_TICK = 10;

  private Processes() {}

  /** Processes whose command line holds {@code text}, but not this one. */
  public static List<Long> withCommandLine(String text) {
    List<Long> found = new ArrayList<>();
    for (long pid : all()) {
      if (pid != ProcessHandle.current().pid() && commandLine(pid).contains(text)) {
        found.add(pid);
      }
    }
    return found;
  }

  /**
   * Processes in another mount namespace than ours that have something of {@code folder} mounted.
   */
  public static List<Long> withMountsOf(Path folder) {
    List<Long> found = new ArrayList<>();
    String ours = namespace(ProcessHandle.current().pid());
    for (long pid : all()) {
      String theirs = namespace(pid);
      if (!theirs.isEmpty()
          && !theirs.equals(ours)
          && read(PROC.resolve(pid + "/mountinfo")).contains(folder.toString())) {
        found.add(pid);
      }
    }
    return found;
  }

  /** The arguments, with spaces between; empty when it is gone. */
  public static String commandLine(long pid) {
    return read(PROC.resolve(pid + "/cmdline")).replace('\0', ' ').strip();
  }

  /** Proportional set size, in 2^20 bytes; 0 when it is gone. */
  public static double pssMegabytes(long pid) {
    return pssKib(pid) / 1024.0;
  }

  /** Proportional set size in KiB: memory of its own plus its share of what others map too. */
  private static long pssKib(long pid) {
    for (String line : read(PROC.resolve(pid + "/smaps_rollup")).split("\n")) {
      if (line.startsWith("Pss:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    return 0;
  }

  /**
   * When it started, in clock ticks since boot; -1 when it is gone. Tells one pid from the next.
   */
  public static long startTicks(long pid) {
    String[] fields = statAfterName(pid);
    return fields.length > START_FIELD ? Long.parseLong(fields[START_FIELD]) : -1;
  }

  /** Processor time it has had, in milliseconds; 0 when it is gone. */
  public static long cpuMillis(long pid) {
    String[] fields = statAfterName(pid);
    return fields.length > SYSTEM_FIELD
        ? (Long.parseLong(fields[USER_FIELD]) + Long.parseLong(fields[SYSTEM_FIELD]))
            * MILLIS_PER_TICK
        : 0;
  }

  /** Its parent; -1 when it is gone. */
  public static long parent(long pid) {
    String[] fields = statAfterName(pid);
    return fields.length > 1 ? Long.parseLong(fields[1]) : -1;
  }

  private static String linkOf(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException e) {
      return "";
    }
  }

  /** The fields of /proc/PID/stat from the state on: a name may hold spaces and brackets. */
  private static String[] statAfterName(long pid) {
    String stat = read(PROC.resolve(pid + "/stat"));
    int name = stat.lastIndexOf(')');
    return name < 0 ? new String[0] : stat.substring(name + 2).split(" ");
  }

  /** Whether it is there and no zombie. */
  public static boolean runs(long pid) {
    String[] fields = statAfterName(pid);
    return fields.length > 0 && !fields[0].equals("Z");
  }

  private static List<Long> all() {
    try (Stream<Path> entries = Files.list(PROC)) {
      return entries
          .map(entry -> entry.getFileName().toString())
          .filter(name -> name.chars().allMatch(Character::isDigit))
          .map(Long::parseLong)
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  private static String namespace(long pid) {
    return linkOf(PROC.resolve(pid + "/ns/mnt"));
  }

  private static String read(Path file) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return "";
    }
  }
}
