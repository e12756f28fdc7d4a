package dev.retainerd.runtime.ctl.task;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Labels;
import dev.retainerd.runtime.ctl.command.Trees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The OCI runtime specification that a client of containerd makes of an image and its flags. The
 * values are those of ctr, so that a container behaves alike whichever of the two started it.
 */
final class Spec {
  static final String TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
  private static final String PATH =
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  private static final int CPU_PERIOD_MICROS = 100_000;

  private final JsonObject root = new JsonObject();
  private final SpecFlags flags;

  private Spec(SpecFlags flags) {
    this.flags = flags;
  }

  /**
   * The specification.
   *
   * @param config the image's config; empty for a plain root folder
   * @param arguments what to run instead of what the image says; may be empty
   * @param rootPath the root folder; {@code rootfs} in the bundle for a snapshot
   */
  static JsonObject of(
      SpecFlags flags,
      String namespace,
      String id,
      Optional<JsonObject> config,
      List<String> arguments,
      String rootPath)
      throws IOException {
    Spec spec = new Spec(flags);
    spec.base(namespace, id, rootPath);
    spec.process(config.map(c -> c.getAsJsonObject("config")).orElse(null), arguments);
    spec.limits();
    if (flags.privileged) {
      Privileges.all(spec.root);
    }
    spec.network();
    spec.extraMounts();
    spec.namespaces();
    Privileges.change(spec.root, flags.capAdd, flags.capDrop);
    for (String device : flags.devices) {
      Devices.add(spec.root, Path.of(device));
    }
    spec.root.add("annotations", Trees.of(Labels.parse(flags.annotations)));
    return spec.root;
  }

  private void base(String namespace, String id, String rootPath) {
    root.addProperty("ociVersion", "1.0.2");
    JsonObject folder = new JsonObject();
    folder.addProperty("path", rootPath);
    folder.addProperty("readonly", flags.readOnly);
    root.add("root", folder);
    JsonArray mounts = new JsonArray();
    mounts.add(mount("/proc", "proc", "proc", "nosuid,noexec,nodev"));
    mounts.add(mount("/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"));
    mounts.add(
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"));
    mounts.add(mount("/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k"));
    mounts.add(mount("/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"));
    mounts.add(mount("/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"));
    mounts.add(mount("/run", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"));
    root.add("mounts", mounts);
    JsonObject linux = new JsonObject();
    String cgroup = flags.cgroup == null ? "/" + namespace + "/" + id : flags.cgroup;
    if (!cgroup.isEmpty()) {
      linux.addProperty("cgroupsPath", cgroup);
    }
    JsonObject resources = new JsonObject();
    resources.add("devices", Devices.defaults());
    linux.add("resources", resources);
    linux.add("namespaces", new JsonArray());
    for (String type : List.of("pid", "ipc", "uts", "mount", "network")) {
      JsonObject one = new JsonObject();
      one.addProperty("type", type);
      linux.getAsJsonArray("namespaces").add(one);
    }
    linux.add("maskedPaths", Trees.of(Privileges.MASKED));
    linux.add("readonlyPaths", Trees.of(Privileges.READ_ONLY));
    if (!flags.rootfsPropagation.isEmpty()) {
      linux.addProperty("rootfsPropagation", flags.rootfsPropagation);
    }
    root.add("linux", linux);
  }

  static JsonObject mount(String destination, String type, String source, String options) {
    JsonObject mount = new JsonObject();
    mount.addProperty("destination", destination);
    mount.addProperty("type", type);
    mount.addProperty("source", source);
    mount.add("options", Trees.of(List.of(options.split(",", -1))));
    return mount;
  }

  private void process(JsonObject image, List<String> arguments) throws IOException {
    JsonObject process = new JsonObject();
    process.addProperty("terminal", flags.tty);
    process.add("user", user(image));
    process.add("args", Trees.of(arguments(image, arguments)));
    process.add("env", Trees.of(environment(image)));
    String cwd = flags.cwd.isEmpty() ? text(image, "WorkingDir") : flags.cwd;
    process.addProperty("cwd", cwd.isEmpty() ? "/" : cwd);
    process.add("capabilities", Privileges.defaults());
    JsonObject files = new JsonObject();
    files.addProperty("type", "RLIMIT_NOFILE");
    files.addProperty("hard", 1024);
    files.addProperty("soft", 1024);
    JsonArray limits = new JsonArray();
    limits.add(files);
    process.add("rlimits", limits);
    process.addProperty("noNewPrivileges", !flags.allowNewPrivileges && !flags.privileged);
    root.add("process", process);
  }

  private JsonObject user(JsonObject image) {
    String wanted = flags.user.isEmpty() ? text(image, "User") : flags.user;
    String[] parts = (wanted.isEmpty() ? "0" : wanted).split(":", 2);
    JsonObject user = new JsonObject();
    user.addProperty("uid", id(parts[0], wanted));
    user.addProperty("gid", parts.length > 1 ? id(parts[1], wanted) : 0);
    return user;
  }

  private static long id(String text, String whole) {
    if (text.equals("root")) {
      return 0;
    }
    if (!text.matches("\\d{1,10}")) {
      throw CommandFailure.of(
          "user \"" + whole + "\" is a name, which only the image knows: give --user UID:GID");
    }
    return Long.parseLong(text);
  }

  private static List<String> arguments(JsonObject image, List<String> given) {
    List<String> all = new ArrayList<>(strings(image, "Entrypoint"));
    all.addAll(given.isEmpty() ? strings(image, "Cmd") : given);
    if (all.isEmpty()) {
      throw CommandFailure.usage(
          "the image does not say what to run: put a command behind the container's name");
    }
    return all;
  }

  private List<String> environment(JsonObject image) throws IOException {
    Map<String, String> variables = new LinkedHashMap<>();
    put(variables, PATH);
    strings(image, "Env").forEach(one -> put(variables, one));
    if (flags.tty) {
      put(variables, "TERM=xterm");
    }
    if (!flags.envFile.isEmpty()) {
      Files.readAllLines(Path.of(flags.envFile)).stream()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .forEach(line -> put(variables, line));
    }
    flags.env.forEach(one -> put(variables, one));
    return List.copyOf(variables.values());
  }

  /** {@code NAME} alone takes the variable away, as with ctr. */
  private static void put(Map<String, String> variables, String pair) {
    int at = pair.indexOf('=');
    if (at < 0) {
      variables.remove(pair);
    } else {
      variables.put(pair.substring(0, at), pair);
    }
  }

  private void limits() {
    JsonObject resources = root.getAsJsonObject("linux").getAsJsonObject("resources");
    if (flags.memoryLimit > 0) {
      JsonObject memory = new JsonObject();
      memory.addProperty("limit", flags.memoryLimit);
      resources.add("memory", memory);
    }
    JsonObject cpu = new JsonObject();
    cpu.addProperty("shares", flags.cpuShares);
    if (flags.cpus > 0) {
      cpu.addProperty("quota", (long) (flags.cpus * CPU_PERIOD_MICROS));
      cpu.addProperty("period", CPU_PERIOD_MICROS);
    } else {
      if (flags.cpuQuota >= 0) {
        cpu.addProperty("quota", flags.cpuQuota);
      }
      if (flags.cpuPeriod > 0) {
        cpu.addProperty("period", flags.cpuPeriod);
      }
    }
    resources.add("cpu", cpu);
  }

  private void network() {
    if (!flags.netHost) {
      return;
    }
    dropNamespace("network");
    for (String file : List.of("/etc/hosts", "/etc/resolv.conf")) {
      root.getAsJsonArray("mounts").add(mount(file, "bind", file, "rbind,ro"));
    }
  }

  private void dropNamespace(String type) {
    JsonArray kept = new JsonArray();
    for (JsonElement one : root.getAsJsonObject("linux").getAsJsonArray("namespaces")) {
      if (!one.getAsJsonObject().get("type").getAsString().equals(type)) {
        kept.add(one);
      }
    }
    root.getAsJsonObject("linux").add("namespaces", kept);
  }

  private void namespaces() {
    Set<String> known =
        new LinkedHashSet<>(List.of("pid", "ipc", "uts", "mount", "network", "user", "cgroup"));
    for (String pair : flags.namespaces) {
      int at = pair.indexOf(':');
      String type = at < 0 ? pair : pair.substring(0, at);
      if (at < 0 || !known.contains(type)) {
        throw CommandFailure.usage(
            "\"" + pair + "\" is no namespace: write it as TYPE:PATH, TYPE one of " + known);
      }
      dropNamespace(type);
      JsonObject joined = new JsonObject();
      joined.addProperty("type", type);
      joined.addProperty("path", pair.substring(at + 1));
      root.getAsJsonObject("linux").getAsJsonArray("namespaces").add(joined);
    }
  }

  private void extraMounts() {
    for (String text : flags.mounts) {
      JsonObject mount = new JsonObject();
      mount.addProperty("type", "bind");
      for (String part : text.split(",", -1)) {
        int at = part.indexOf('=');
        String value = part.substring(at + 1);
        switch (at < 0 ? "" : part.substring(0, at)) {
          case "type" -> mount.addProperty("type", value);
          case "source", "src" -> mount.addProperty("source", value);
          case "destination", "dst", "target" -> mount.addProperty("destination", value);
          case "options" -> mount.add("options", Trees.of(List.of(value.split(":", -1))));
          default ->
              throw CommandFailure.usage(
                  "\"" + part + "\" in --mount is unknown: it takes type=, src=, dst=, options=");
        }
      }
      if (!mount.has("destination")) {
        throw CommandFailure.usage("--mount " + text + " lacks dst=: where in the container");
      }
      root.getAsJsonArray("mounts").add(mount);
    }
  }

  private static String text(JsonObject tree, String name) {
    boolean there = tree != null && tree.has(name) && tree.get(name).isJsonPrimitive();
    return there ? tree.get(name).getAsString() : "";
  }

  private static List<String> strings(JsonObject tree, String name) {
    List<String> all = new ArrayList<>();
    if (tree != null && tree.has(name) && tree.get(name).isJsonArray()) {
      tree.getAsJsonArray(name).forEach(one -> all.add(one.getAsString()));
    }
    return all;
  }
}
