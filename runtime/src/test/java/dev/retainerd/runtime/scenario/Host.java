package dev.retainerd.runtime.scenario;

import dev.retainerd.runtime.program.Program;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The host, looked at without the daemon: its processes, mounts, links, cgroups, and programs run
 * on it.
 */
final class Host {
  private static final Path PROC = Path.of("/proc");
  private static final int PARENT_FIELD = 1;
  private static final int START_FIELD = 19;
  private static final int MOUNT_POINT_FIELD = 4;

  private Host() {}

  /** What a program left behind: its exit code and all that it printed. */
  record Output(int code, String text) {
    /** The text; fails the test unless the program ended well. */
    String expectSuccess() {
      if (code != 0) {
        throw new AssertionError("exit code " + code + ": " + text);
      }
      return text;
    }
  }

  /** Runs a program to its end, for {@code seconds} at most. */
  static Output run(int seconds, List<String> command) {
    return run(seconds, command, Map.of());
  }

  /** The same with variables of its own. */
  static Output run(int seconds, List<String> command, Map<String, String> variables) {
    try {
      Program.Output output = new Program(command).with(variables).merged(seconds);
      return new Output(output.code(), output.out());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted while " + command.getFirst() + " ran", e);
    }
  }

  /** Starts a program that goes on beside the test, which ends it; what it says goes to a file. */
  static Process start(Path out, List<String> command) throws IOException {
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectInput(new File("/dev/null"))
        .redirectOutput(out.toFile())
        .start();
  }

  /** Every process whose command line holds {@code text}. */
  static List<Long> processesNaming(String text) {
    List<Long> found = new ArrayList<>();
    for (long pid : pids()) {
      if (pid != ProcessHandle.current().pid() && commandLine(pid).contains(text)) {
        found.add(pid);
      }
    }
    return found;
  }

  /** What shims that are gone have left asleep for processes below {@code folder}. */
  static List<Long> keepersFor(Path folder) {
    List<Long> found = new ArrayList<>();
    for (long pid : pids()) {
      if (read(PROC.resolve(pid + "/environ")).contains("RETAIN_KEEPS_FOR=" + folder + "/")) {
        found.add(pid);
      }
    }
    return found;
  }

  static String commandLine(long pid) {
    return read(PROC.resolve(pid + "/cmdline")).replace('\0', ' ').strip();
  }

  /** There, and no zombie. */
  static boolean runs(long pid) {
    List<String> fields = statAfterName(pid);
    return !fields.isEmpty() && !fields.get(0).equals("Z") && !fields.get(0).equals("X");
  }

  static long parentOf(long pid) {
    List<String> fields = statAfterName(pid);
    return fields.isEmpty() ? 0 : Long.parseLong(fields.get(PARENT_FIELD));
  }

  /** When it started, in clock ticks since the boot; with the pid it names one process for ever. */
  static long startTicks(long pid) {
    List<String> fields = statAfterName(pid);
    return fields.isEmpty() ? 0 : Long.parseLong(fields.get(START_FIELD));
  }

  /** Kills by SIGKILL and waits until it is gone. */
  static void kill9(long pid) {
    if (pid <= 1) {
      throw new AssertionError("pid " + pid + " is not one to kill");
    }
    run(5, List.of("kill", "-9", Long.toString(pid)));
    Eventually.holds("the end of " + pid, java.time.Duration.ofSeconds(10), () -> !runs(pid));
  }

  /** Proportional set size in KiB; 0 when it is gone. */
  static long pssKib(long pid) {
    return read(PROC.resolve(pid + "/smaps_rollup"))
        .lines()
        .filter(line -> line.startsWith("Pss:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
        .sum();
  }

  /** Mount points below {@code folder} in our own mount namespace, the outermost first. */
  static List<String> mountsBelow(Path folder) {
    return read(PROC.resolve("self/mountinfo"))
        .lines()
        .map(line -> line.split(" ")[MOUNT_POINT_FIELD])
        .filter(point -> point.startsWith(folder + "/"))
        .toList();
  }

  /** Links that are attached to {@code bridge}. */
  static List<String> linksOf(String bridge) {
    Output output = run(10, List.of("ip", "-o", "link", "show", "master", bridge));
    return output.code() == 0 ? output.text().lines().toList() : List.of();
  }

  /** Cgroups of that name or below it, in every hierarchy; the innermost first. */
  static List<Path> cgroupsNamed(String name) {
    List<Path> found = new ArrayList<>();
    List<Path> hierarchies = new ArrayList<>(children(Path.of("/sys/fs/cgroup")));
    hierarchies.add(Path.of("/sys/fs/cgroup"));
    for (Path hierarchy : hierarchies) {
      collectGroups(hierarchy.resolve(name), found);
    }
    return found;
  }

  private static void collectGroups(Path group, List<Path> into) {
    if (!Files.isDirectory(group)) {
      return;
    }
    children(group).forEach(child -> collectGroups(child, into));
    into.add(group);
  }

  private static List<Path> children(Path folder) {
    File[] folders = folder.toFile().listFiles(File::isDirectory);
    return folders == null ? List.of() : Stream.of(folders).map(File::toPath).toList();
  }

  private static List<String> statAfterName(long pid) {
    String stat = read(PROC.resolve(pid + "/stat"));
    int name = stat.lastIndexOf(')');
    return name < 0 ? List.of() : List.of(stat.substring(name + 2).split(" "));
  }

  private static List<Long> pids() {
    String[] names = PROC.toFile().list();
    return names == null
        ? List.of()
        : Stream.of(names).filter(name -> name.matches("[0-9]+")).map(Long::parseLong).toList();
  }

  /** Empty when it has gone: processes come and go while we look. */
  private static String read(Path file) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return "";
    }
  }
}
