package dev.retainerd.runtime.oci;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** One set of CDI's container edits, applied to an OCI spec. */
final class CdiEdits {
  private static final Set<String> HOOKS =
      Set.of(
          "prestart",
          "createRuntime",
          "createContainer",
          "startContainer",
          "poststart",
          "poststop");
  private static final int TYPE_MASK = 0xF000;
  private static final int CHARACTER = 0x2000;
  private static final int BLOCK = 0x6000;

  private CdiEdits() {}

  static void apply(JsonObject spec, JsonObject edits, Path file) {
    try {
      environment(spec, edits);
      for (JsonElement node : JsonTree.children(edits, "deviceNodes")) {
        device(spec, node.getAsJsonObject(), file);
      }
      for (JsonElement mount : JsonTree.children(edits, "mounts")) {
        mount(spec, mount.getAsJsonObject());
      }
      for (JsonElement hook : JsonTree.children(edits, "hooks")) {
        hook(spec, hook.getAsJsonObject(), file);
      }
      JsonArray groups = JsonTree.children(edits, "additionalGids");
      if (!groups.isEmpty()) {
        JsonObject user = JsonTree.child(JsonTree.child(spec, "process"), "user");
        JsonTree.children(user, "additionalGids").addAll(groups);
      }
      if (edits.has("intelRdt")) {
        JsonTree.child(spec, "linux").add("intelRdt", edits.get("intelRdt").deepCopy());
      }
    } catch (IllegalStateException | ClassCastException | NullPointerException e) {
      throw Refusal.failedPrecondition(
              "the CDI spec "
                  + file
                  + " does not hold what the CDI specification asks for; mend it")
          .because(e);
    }
  }

  private static void environment(JsonObject spec, JsonObject edits) {
    JsonArray wanted = JsonTree.children(edits, "env");
    if (wanted.isEmpty()) {
      return;
    }
    JsonObject process = JsonTree.child(spec, "process");
    List<String> env = new ArrayList<>();
    JsonTree.children(process, "env").forEach(entry -> env.add(entry.getAsString()));
    wanted.forEach(entry -> env.add(entry.getAsString()));
    process.add("env", JsonTree.array(ProcessArgs.merged(env)));
  }

  private static void device(JsonObject spec, JsonObject node, Path file) {
    JsonObject linux = JsonTree.child(spec, "linux");
    JsonObject device = new JsonObject();
    String path = node.get("path").getAsString();
    device.addProperty("path", path);
    copy(node, device, "type", "major", "minor", "fileMode", "uid", "gid");
    if (!device.has("type") || !device.has("major")) {
      fill(device, Path.of(node.has("hostPath") ? node.get("hostPath").getAsString() : path), file);
    }
    JsonArray devices = JsonTree.children(linux, "devices");
    devices.asList().removeIf(one -> one.getAsJsonObject().get("path").getAsString().equals(path));
    devices.add(device);
    if (device.get("type").getAsString().equals("p")) {
      return;
    }
    JsonObject rule =
        JsonTree.object(
            "allow",
            true,
            "type",
            device.get("type").getAsString(),
            "access",
            node.has("permissions") ? node.get("permissions").getAsString() : "rwm");
    copy(device, rule, "major", "minor");
    JsonTree.children(JsonTree.child(linux, "resources"), "devices").add(rule);
  }

  /** Type and numbers as the node's own device has them. */
  private static void fill(JsonObject device, Path host, Path file) {
    try {
      int mode = (Integer) Files.getAttribute(host, "unix:mode");
      long numbers = (Long) Files.getAttribute(host, "unix:rdev");
      int type = mode & TYPE_MASK;
      if (type != CHARACTER && type != BLOCK) {
        throw Refusal.failedPrecondition(
            "the device " + host + " of the CDI spec " + file + " is no device on this node");
      }
      device.addProperty("type", type == BLOCK ? "b" : "c");
      device.addProperty("major", (numbers >>> 8 & 0xfff) | (numbers >>> 32 & 0xfffff000L));
      device.addProperty("minor", (numbers & 0xff) | (numbers >>> 12 & 0xffffff00L));
    } catch (IOException e) {
      throw Refusal.failedPrecondition(
              "the device " + host + " of the CDI spec " + file + " is not on this node")
          .because(e);
    }
  }

  private static void mount(JsonObject spec, JsonObject wanted) {
    List<String> options = new ArrayList<>();
    JsonTree.children(wanted, "options").forEach(option -> options.add(option.getAsString()));
    if (options.isEmpty()) {
      options.addAll(List.of("rbind", "ro", "nosuid", "nodev"));
    }
    String target = wanted.get("containerPath").getAsString();
    JsonArray mounts = JsonTree.children(spec, "mounts");
    mounts
        .asList()
        .removeIf(one -> one.getAsJsonObject().get("destination").getAsString().equals(target));
    mounts.add(
        MountPlan.mount(
            target,
            wanted.has("type") ? wanted.get("type").getAsString() : "bind",
            wanted.get("hostPath").getAsString(),
            options.toArray(new String[0])));
  }

  private static void hook(JsonObject spec, JsonObject wanted, Path file) {
    String name = wanted.get("hookName").getAsString();
    if (!HOOKS.contains(name)) {
      throw Refusal.failedPrecondition(
          "the CDI spec %s has a hook %s, which OCI does not know"
              .formatted(file, Identifiers.shortened(name)));
    }
    JsonObject hook = new JsonObject();
    copy(wanted, hook, "path", "args", "env", "timeout");
    JsonTree.children(JsonTree.child(spec, "hooks"), name).add(hook);
  }

  private static void copy(JsonObject from, JsonObject to, String... names) {
    for (String name : names) {
      if (from.has(name) && !from.get(name).isJsonNull()) {
        to.add(name, from.get(name).deepCopy());
      }
    }
  }
}
