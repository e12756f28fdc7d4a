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

  /** Proportional set size in KiB: memory of its own plus its share of what others map too. */
  public static long pssKib(long pid) {
    for (String line : read(PROC.resolve(pid + "/smaps_rollup")).split("\n")) {
      if (line.startsWith("Pss:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    return 0;
  }

  /** Whether it is there and no zombie. */
  public static boolean runs(long pid) {
    String stat = read(PROC.resolve(pid + "/stat"));
    int name = stat.lastIndexOf(')');
    return name >= 0 && stat.length() > name + 2 && stat.charAt(name + 2) != 'Z';
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
    try {
      return Files.readSymbolicLink(PROC.resolve(pid + "/ns/mnt")).toString();
    } catch (IOException e) {
      return "";
    }
  }

  private static String read(Path file) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return "";
    }
  }
}
