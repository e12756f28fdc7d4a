package dev.retainerd.bench.client;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import java.util.List;

/**
 * The smallest OCI runtime spec that is still a real container: five namespaces, /proc and /dev.
 */
public final class ContainerSpec {
  private static final String TYPE_URL = "types.containerd.io/opencontainers/runtime-spec/1/Spec";

  private ContainerSpec() {}

  /**
   * The spec as JSON. {@code cgroup} is the path below each hierarchy; the root is {@code rootfs}.
   */
  public static String json(List<String> args, String cgroup) {
    JsonObject process = processOf(args);
    JsonObject root = new JsonObject();
    root.addProperty("path", "rootfs");
    JsonArray mounts = new JsonArray();
    mounts.add(mount("/proc", "proc", "proc", List.of("nosuid", "noexec", "nodev")));
    mounts.add(mount("/dev", "tmpfs", "tmpfs", List.of("nosuid", "mode=755", "size=64k")));
    JsonObject linux = new JsonObject();
    linux.addProperty("cgroupsPath", cgroup);
    JsonArray namespaces = new JsonArray();
    for (String type : List.of("pid", "ipc", "uts", "mount", "network")) {
      JsonObject namespace = new JsonObject();
      namespace.addProperty("type", type);
      namespaces.add(namespace);
    }
    linux.add("namespaces", namespaces);
    JsonObject spec = new JsonObject();
    spec.addProperty("ociVersion", "1.0.2");
    spec.add("process", process);
    spec.add("root", root);
    spec.add("mounts", mounts);
    spec.add("linux", linux);
    return spec.toString();
  }

  /** The same in the envelope that containerd's API wants. */
  public static Any any(List<String> args, String cgroup) {
    return Any.newBuilder()
        .setTypeUrl(TYPE_URL)
        .setValue(ByteString.copyFromUtf8(json(args, cgroup)))
        .build();
  }

  /** A process to be run in a container that is there already, as JSON. */
  public static ByteString process(List<String> args) {
    return ByteString.copyFromUtf8(processOf(args).toString());
  }

  private static JsonObject processOf(List<String> args) {
    JsonObject process = new JsonObject();
    process.add("args", array(args));
    process.add("env", array(List.of("PATH=/bin")));
    process.addProperty("cwd", "/");
    process.addProperty("noNewPrivileges", true);
    JsonObject user = new JsonObject();
    user.addProperty("uid", 0);
    user.addProperty("gid", 0);
    process.add("user", user);
    return process;
  }

  private static JsonObject mount(
      String destination, String type, String source, List<String> options) {
    JsonObject mount = new JsonObject();
    mount.addProperty("destination", destination);
    mount.addProperty("type", type);
    mount.addProperty("source", source);
    mount.add("options", array(options));
    return mount;
  }

  private static JsonArray array(List<String> values) {
    JsonArray array = new JsonArray();
    values.forEach(array::add);
    return array;
  }
}
