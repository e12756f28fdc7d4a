package dev.retainerd.runtime.oci;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.Device;
import dev.retainerd.wire.cri.v1.LinuxContainerSecurityContext;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The devices of a container and what its device cgroup allows. */
final class DeviceList {
  private static final int TYPE_MASK = 0xF000;
  private static final int CHARACTER = 0x2000;
  private static final int BLOCK = 0x6000;
  private static final int FIFO = 0x1000;

  /** Folders of /dev that are no devices, or another container's. */
  private static final Set<String> SKIPPED =
      Set.of("pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev");

  private final JsonArray devices = new JsonArray();
  private JsonArray rules = new JsonArray();

  DeviceList() {
    rules.add(JsonTree.object("allow", false, "access", "rwm"));
  }

  /** Adds what a request names, a folder standing for every device below it. */
  void addRequested(Device device, LinuxContainerSecurityContext security, SpecPolicy policy) {
    check(device);
    int before = devices.size();
    Path host;
    try {
      host = Path.of(device.getHostPath()).toRealPath();
      add(host, device.getContainerPath(), device.getPermissions());
    } catch (NoSuchFileException e) {
      throw Refusal.failedPrecondition(
          "there is no device %s on the node".formatted(Identifiers.shortened(e.getFile())));
    } catch (IOException e) {
      throw Refusal.internal("the device " + device.getHostPath() + " cannot be read", e);
    }
    if (!policy.deviceOwnershipFromUser()) {
      return;
    }
    for (int i = before; i < devices.size(); i++) {
      JsonObject added = devices.get(i).getAsJsonObject();
      own(added, "uid", security.getRunAsUser().getValue());
      own(added, "gid", security.getRunAsGroup().getValue());
    }
  }

  private static void own(JsonObject device, String name, long id) {
    if (id != 0) {
      device.addProperty(name, id);
    }
  }

  static void check(Device device) {
    ProcessArgs.refuseZeroByte("a device's path", device.getHostPath() + device.getContainerPath());
    if (!device.getHostPath().startsWith("/")) {
      throw Refusal.invalidArgument(
          "the device %s has no absolute host_path; give one"
              .formatted(Identifiers.shortened(device.getHostPath())));
    }
    if (!device.getPermissions().matches("[rwm]{1,3}")) {
      throw Refusal.invalidArgument(
          "the device %s has the permissions %s; use letters of rwm"
              .formatted(
                  Identifiers.shortened(device.getHostPath()),
                  Identifiers.shortened(device.getPermissions())));
    }
  }

  private void add(Path host, String inside, String permissions) throws IOException {
    if (Files.isDirectory(host)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(host)) {
        for (Path entry : entries) {
          String name = entry.getFileName().toString();
          String below = inside.isEmpty() ? "" : Path.of(inside).resolve(name).toString();
          boolean folder = Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS);
          if (folder ? !SKIPPED.contains(name) : device(entry).isPresent()) {
            add(entry, below, permissions);
          }
        }
      }
      return;
    }
    JsonObject device =
        device(host)
            .orElseThrow(() -> Refusal.invalidArgument(host + " is no device; mount it instead"));
    if (!inside.isEmpty()) {
      device.addProperty("path", inside);
    }
    devices.add(device);
    JsonObject rule = JsonTree.object("allow", true, "type", device.get("type").getAsString());
    rule.add("major", device.get("major"));
    rule.add("minor", device.get("minor"));
    rule.addProperty("access", permissions);
    rules.add(rule);
  }

  /** Adds every device of the node, for privileged containers; allows nothing. */
  void addAllOfNode() {
    addAllBelow(Path.of("/dev"));
  }

  private void addAllBelow(Path folder) {
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        String name = entry.getFileName().toString();
        if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
          if (!SKIPPED.contains(name)) {
            addAllBelow(entry);
          }
        } else if (!name.equals("console")) {
          device(entry)
              .filter(device -> !device.get("type").getAsString().equals("p"))
              .ifPresent(devices::add);
        }
      }
    } catch (IOException e) {
      throw Refusal.internal("the node's devices below " + folder + " cannot be listed", e);
    }
  }

  void allowAll() {
    rules = new JsonArray();
    rules.add(JsonTree.object("allow", true, "access", "rwm"));
  }

  /** A device node as the spec has it; none for what is no device or has just gone. */
  private static Optional<JsonObject> device(Path path) throws IOException {
    Map<String, Object> stat;
    try {
      stat = Files.readAttributes(path, "unix:mode,rdev,uid,gid", LinkOption.NOFOLLOW_LINKS);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
    int mode = (Integer) stat.get("mode");
    String type =
        switch (mode & TYPE_MASK) {
          case CHARACTER -> "c";
          case BLOCK -> "b";
          case FIFO -> "p";
          default -> "";
        };
    if (type.isEmpty()) {
      return Optional.empty();
    }
    long rdev = (Long) stat.get("rdev");
    long major = rdev >>> 8 & 0xfff | rdev >>> 32 & 0xfffff000L;
    long minor = rdev & 0xff | rdev >>> 12 & 0xffffff00L;
    return Optional.of(
        JsonTree.object(
            "path",
            path.toString(),
            "type",
            type,
            "major",
            major,
            "minor",
            minor,
            "fileMode",
            mode & 07777,
            "uid",
            (Integer) stat.get("uid"),
            "gid",
            (Integer) stat.get("gid")));
  }

  JsonArray devices() {
    return devices;
  }

  JsonArray rules() {
    return rules;
  }
}
