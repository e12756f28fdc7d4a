package dev.retainerd.runtime.ctl.task;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;

/** Device nodes and the rules of the device cgroup. */
final class Devices {
  private static final int TYPE_MASK = 0170000;
  private static final int CHARACTER = 0020000;
  private static final int BLOCK = 0060000;
  private static final Set<String> OWN_OF_CONTAINER =
      Set.of("pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console");

  private Devices() {}

  /** Nothing but what every process needs: null, zero, full, random, tty, pty. */
  static JsonArray defaults() {
    JsonArray rules = new JsonArray();
    JsonObject none = new JsonObject();
    none.addProperty("allow", false);
    none.addProperty("access", "rwm");
    rules.add(none);
    int[][] allowed = {{1, 3}, {1, 8}, {1, 7}, {5, 0}, {1, 5}, {1, 9}, {5, 1}, {136, -1}, {5, 2}};
    for (int[] one : allowed) {
      rules.add(rule("c", one[0], one[1]));
    }
    return rules;
  }

  private static JsonObject rule(String type, long major, long minor) {
    JsonObject rule = new JsonObject();
    rule.addProperty("allow", true);
    rule.addProperty("type", type);
    rule.addProperty("major", major);
    if (minor >= 0) {
      rule.addProperty("minor", minor);
    }
    rule.addProperty("access", "rwm");
    return rule;
  }

  /** Adds the device at {@code path}, or every device below it, with a rule that allows it. */
  static void add(JsonObject spec, Path path) {
    if (Files.isDirectory(path)) {
      addTree(spec, path);
    } else if (!addNode(spec, path, true)) {
      throw CommandFailure.usage(path + " is no device");
    }
  }

  /** Adds the device nodes below a folder. */
  static void addTree(JsonObject spec, Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : entries.sorted().toList()) {
        if (OWN_OF_CONTAINER.contains(entry.getFileName().toString())) {
          continue;
        }
        if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
          addTree(spec, entry);
        } else {
          addNode(spec, entry, false);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean addNode(JsonObject spec, Path path, boolean withRule) {
    try {
      int mode = (int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
      int kind = mode & TYPE_MASK;
      if (kind != CHARACTER && kind != BLOCK) {
        return false;
      }
      long number = (long) Files.getAttribute(path, "unix:rdev", LinkOption.NOFOLLOW_LINKS);
      long major = (number >>> 8 & 0xfff) | (number >>> 32 & ~0xfffL);
      long minor = (number & 0xff) | (number >>> 12 & ~0xffL);
      JsonObject device = new JsonObject();
      device.addProperty("path", path.toString());
      device.addProperty("type", kind == CHARACTER ? "c" : "b");
      device.addProperty("major", major);
      device.addProperty("minor", minor);
      device.addProperty("fileMode", mode & 07777);
      JsonObject linux = spec.getAsJsonObject("linux");
      if (!linux.has("devices")) {
        linux.add("devices", new JsonArray());
      }
      linux.getAsJsonArray("devices").add(device);
      if (withRule) {
        linux
            .getAsJsonObject("resources")
            .getAsJsonArray("devices")
            .add(rule(kind == CHARACTER ? "c" : "b", major, minor));
      }
      return true;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
