package dev.retainerd.bench.node;

import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.wire.cri.v1.VersionRequest;
import dev.retainerd.wire.cri.v1.VersionResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Facts that a figure is worth nothing without: the machine, and versions of what was measured. */
public final class Machine {
  private static final long KIB_PER_GIB = 1L << 20;

  private Machine() {}

  /** Name to value. */
  public static Map<String, String> facts() {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("system", quoted(field("/etc/os-release", "PRETTY_NAME=")));
    facts.put("kernel", first("/proc/sys/kernel/osrelease"));
    facts.put("processor", after(field("/proc/cpuinfo", "model name")));
    facts.put("cores", String.valueOf(Runtime.getRuntime().availableProcessors()));
    String memory = after(field("/proc/meminfo", "MemTotal")).replaceAll("[^0-9]", "");
    facts.put(
        "memory",
        memory.isEmpty()
            ? "unknown"
            : String.format(
                Locale.ROOT, "%.0f GiB", Long.parseLong(memory) / (double) KIB_PER_GIB));
    facts.put("file system", fileSystem());
    facts.put("load before", first("/proc/loadavg").replaceAll(" [0-9]+/.*", ""));
    return facts;
  }

  /** What each target says of itself, and the OCI runtime below them. */
  public static Map<String, String> versions(List<? extends Target> targets) {
    Map<String, String> versions = new LinkedHashMap<>();
    for (Target target : targets) {
      try (RuntimeClient client = target.connect()) {
        VersionResponse version = client.cri().version(VersionRequest.getDefaultInstance());
        versions.put(target.name(), version.getRuntimeName() + " " + version.getRuntimeVersion());
      }
    }
    try {
      versions.put("runc", Commands.run(10, "runc", "--version").lines().findFirst().orElse(""));
    } catch (NodeException e) {
      versions.put("runc", "not installed");
    }
    return versions;
  }

  private static String fileSystem() {
    try {
      return Files.getFileStore(Path.of("/tmp")).type();
    } catch (IOException e) {
      return "unknown";
    }
  }

  private static String field(String file, String name) {
    return lines(file).stream().filter(line -> line.startsWith(name)).findFirst().orElse("");
  }

  private static String first(String file) {
    return lines(file).stream().findFirst().orElse("unknown");
  }

  private static String after(String line) {
    return line.substring(line.indexOf(':') + 1).strip();
  }

  private static String quoted(String line) {
    return line.substring(line.indexOf('=') + 1).replace("\"", "");
  }

  private static List<String> lines(String file) {
    try {
      return Files.readAllLines(Path.of(file));
    } catch (IOException e) {
      return List.of();
    }
  }
}
