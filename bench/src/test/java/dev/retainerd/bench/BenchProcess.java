package dev.retainerd.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** dist/bin/retain-bench, run as a user runs it. For one thread. */
final class BenchProcess {
  static final Path DIST = Path.of("..", "dist").toAbsolutePath().normalize();
  private static final long SECONDS_MAX = 180;

  private final Process process;
  private final Path output;

  private BenchProcess(Process process, Path output) {
    this.process = process;
    this.output = output;
  }

  static BenchProcess start(Path folder, String... arguments) throws IOException {
    Path output = Files.createTempFile(folder, "bench", ".out");
    List<String> command = new ArrayList<>(List.of(DIST.resolve("bin/retain-bench").toString()));
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .redirectInput(Path.of("/dev/null").toFile())
            .start();
    return new BenchProcess(process, output);
  }

  /** Waits for its end; returns the exit code. */
  int end() throws InterruptedException {
    if (!process.waitFor(SECONDS_MAX, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("retain-bench did not end in " + SECONDS_MAX + " s: " + printed());
    }
    return process.exitValue();
  }

  /** What it printed so far. */
  String printed() {
    try {
      return Files.readString(output);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** SIGTERM. */
  void terminate() {
    process.destroy();
  }

  /** SIGKILL. */
  void kill() {
    process.destroyForcibly();
  }

  /** Its node folders that are there now. */
  List<Path> folders() throws IOException {
    List<Path> found = new ArrayList<>();
    try (Stream<Path> all = Files.list(Path.of("/tmp"))) {
      for (Path folder : all.toList()) {
        Path note = folder.resolve("owner");
        if (folder.getFileName().toString().startsWith("retain-bench-")
            && Files.isReadable(note)
            && Files.readString(note).startsWith(process.pid() + "\n")) {
          found.add(folder);
        }
      }
    }
    return found;
  }

  /** The daemon that it started and that runs now; -1 when there is none yet. */
  long daemon() throws IOException {
    List<Path> folders = folders();
    return ProcessHandle.allProcesses()
        .filter(one -> folders.stream().anyMatch(folder -> isDaemonOf(one.pid(), folder)))
        .mapToLong(ProcessHandle::pid)
        .findFirst()
        .orElse(-1);
  }

  private static boolean isDaemonOf(long pid, Path folder) {
    return arguments(pid).contains("--config\0" + folder + "/config.toml");
  }

  private static String arguments(long pid) {
    try {
      return new String(
          Files.readAllBytes(Path.of("/proc/" + pid + "/cmdline")), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return "";
    }
  }

  /** What there is still of a run: mounts, processes, interfaces, cgroups, folders. */
  List<String> traces(List<Path> folders) throws IOException {
    List<String> found = new ArrayList<>();
    for (Path folder : folders) {
      if (Files.exists(folder)) {
        found.add("folder " + folder);
      }
      Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
          .filter(line -> line.contains(folder.toString()))
          .forEach(line -> found.add("mount " + line));
      ProcessHandle.allProcesses()
          .filter(one -> arguments(one.pid()).contains(folder.toString()))
          .forEach(one -> found.add("process " + arguments(one.pid())));
    }
    String[] interfaces = new java.io.File("/sys/class/net").list();
    for (String name : interfaces == null ? new String[0] : interfaces) {
      if (name.matches("rbf?" + process.pid() % 1_000_000 + "[0-9]?")) {
        found.add("interface " + name);
      }
    }
    try (Stream<Path> groups = Files.find(Path.of("/sys/fs/cgroup"), 3, (path, a) -> true)) {
      groups
          .filter(group -> group.toString().contains("/retain-bench/" + process.pid() + "-"))
          .forEach(group -> found.add("cgroup " + group));
    }
    return found;
  }

  /** Waits for something that must come. */
  static void await(String what, BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError(what + " did not come within 60 s");
      }
      Thread.sleep(20);
    }
  }
}
