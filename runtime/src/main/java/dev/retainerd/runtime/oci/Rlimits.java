package dev.retainerd.runtime.oci;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Resource limits (setrlimit) of a base spec. CRI has none of its own: without a base spec a
 * container inherits those of the shim.
 *
 * <p>Without CAP_SYS_RESOURCE no limit can be raised above the daemon's own hard one, and runc that
 * tries fails the whole start; so such a limit is cut down to what can be had.
 */
final class Rlimits {
  private static final Path LIMITS = Path.of("/proc/self/limits");
  private static final Map<String, String> NAMES =
      Map.ofEntries(
          Map.entry("Max cpu time", "RLIMIT_CPU"),
          Map.entry("Max file size", "RLIMIT_FSIZE"),
          Map.entry("Max data size", "RLIMIT_DATA"),
          Map.entry("Max stack size", "RLIMIT_STACK"),
          Map.entry("Max core file size", "RLIMIT_CORE"),
          Map.entry("Max resident set", "RLIMIT_RSS"),
          Map.entry("Max processes", "RLIMIT_NPROC"),
          Map.entry("Max open files", "RLIMIT_NOFILE"),
          Map.entry("Max locked memory", "RLIMIT_MEMLOCK"),
          Map.entry("Max address space", "RLIMIT_AS"),
          Map.entry("Max file locks", "RLIMIT_LOCKS"),
          Map.entry("Max pending signals", "RLIMIT_SIGPENDING"),
          Map.entry("Max msgqueue size", "RLIMIT_MSGQUEUE"),
          Map.entry("Max nice priority", "RLIMIT_NICE"),
          Map.entry("Max realtime priority", "RLIMIT_RTPRIO"),
          Map.entry("Max realtime timeout", "RLIMIT_RTTIME"));

  private Rlimits() {}

  /** Cuts the limits of a process down to the daemon's own where it may not raise them. */
  static void clamp(JsonObject process, HostTraits host) {
    if (!process.has("rlimits") || host.capabilities().contains("CAP_SYS_RESOURCE")) {
      return;
    }
    try {
      clamp(process, hardLimits(Files.readString(LIMITS)));
    } catch (IOException e) {
      throw Refusal.internal("the daemon's own limits cannot be read from " + LIMITS, e);
    }
  }

  /** The same against given hard limits; a name without one is not bounded. */
  static void clamp(JsonObject process, Map<String, Long> hardLimits) {
    for (JsonElement element : process.getAsJsonArray("rlimits")) {
      JsonObject limit = element.getAsJsonObject();
      Long bound = hardLimits.get(limit.get("type").getAsString());
      if (bound != null) {
        cut(limit, "hard", bound);
        cut(limit, "soft", bound);
      }
    }
  }

  private static void cut(JsonObject limit, String name, long bound) {
    if (limit.has(name) && Long.compareUnsigned(unsigned(limit, name), bound) > 0) {
      limit.addProperty(name, bound);
    }
  }

  private static long unsigned(JsonObject limit, String name) {
    return limit.get(name).getAsBigInteger().longValue();
  }

  /** The hard limits of /proc/PID/limits that are no "unlimited". */
  static Map<String, Long> hardLimits(String text) {
    Map<String, Long> limits = new HashMap<>();
    text.lines()
        .skip(1)
        .filter(line -> line.length() > 47)
        .forEach(
            line -> {
              // The kernel writes the columns at 0, 26 and 47.
              String name = NAMES.get(line.substring(0, 26).strip());
              String hard = line.substring(47).strip().split(" +")[0];
              if (name != null && !hard.equals("unlimited")) {
                limits.put(name, Long.parseUnsignedLong(hard));
              }
            });
    return limits;
  }
}
