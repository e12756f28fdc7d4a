package dev.retainerd.runtime.ctl.task;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.linux.KernelCapabilities;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Capabilities, and what of /proc and /sys a container may see: the defaults of runtimes. */
final class Privileges {
  static final List<String> MASKED =
      List.of(
          "/proc/acpi",
          "/proc/asound",
          "/proc/kcore",
          "/proc/keys",
          "/proc/latency_stats",
          "/proc/timer_list",
          "/proc/timer_stats",
          "/proc/sched_debug",
          "/sys/firmware",
          "/proc/scsi");

  static final List<String> READ_ONLY =
      List.of("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");

  private Privileges() {}

  static JsonObject defaults() {
    return sets(KernelCapabilities.OF_CONTAINERS);
  }

  private static JsonObject sets(Iterable<String> names) {
    List<String> list = new ArrayList<>();
    names.forEach(list::add);
    JsonObject sets = new JsonObject();
    for (String set : List.of("bounding", "effective", "permitted")) {
      sets.add(set, Trees.of(list));
    }
    return sets;
  }

  /** A privileged container: what this process may, it may. */
  static void all(JsonObject spec) {
    // A runtime refuses what the kernel does not know, and what we lack cannot be given away.
    spec.getAsJsonObject("process")
        .add("capabilities", sets(KernelCapabilities.ofMask(bounding())));
    JsonObject linux = spec.getAsJsonObject("linux");
    linux.remove("maskedPaths");
    linux.remove("readonlyPaths");
    for (JsonElement one : spec.getAsJsonArray("mounts")) {
      JsonObject mount = one.getAsJsonObject();
      if (mount.get("type").getAsString().equals("sysfs")) {
        mount.add("options", Trees.of(List.of("nosuid", "noexec", "nodev", "rw")));
      }
    }
    JsonObject everything = new JsonObject();
    everything.addProperty("allow", true);
    everything.addProperty("access", "rwm");
    JsonArray rules = new JsonArray();
    rules.add(everything);
    linux.getAsJsonObject("resources").add("devices", rules);
    Devices.addTree(spec, Path.of("/dev"));
  }

  private static long bounding() {
    try {
      for (String line : java.nio.file.Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("CapBnd:")) {
          return Long.parseUnsignedLong(line.substring("CapBnd:".length()).trim(), 16);
        }
      }
      return 0;
    } catch (java.io.IOException e) {
      throw CommandFailure.of("/proc/self/status cannot be read, which --privileged needs", e);
    }
  }

  /** Adds and takes away. */
  static void change(JsonObject spec, List<String> add, List<String> drop) {
    if (add.isEmpty() && drop.isEmpty()) {
      return;
    }
    Set<String> names = new LinkedHashSet<>();
    spec.getAsJsonObject("process")
        .getAsJsonObject("capabilities")
        .getAsJsonArray("bounding")
        .forEach(one -> names.add(one.getAsString()));
    add.forEach(name -> names.add(checked(name)));
    drop.forEach(name -> names.remove(checked(name)));
    spec.getAsJsonObject("process").add("capabilities", sets(names));
  }

  private static String checked(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    String full = upper.startsWith("CAP_") ? upper : "CAP_" + upper;
    if (!KernelCapabilities.BY_BIT.contains(full)) {
      throw CommandFailure.usage("there is no capability " + name + ": see man 7 capabilities");
    }
    return full;
  }
}
