package dev.retainerd.runtime.oci;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.MountPoint;
import dev.retainerd.runtime.linux.MountTable;
import dev.retainerd.wire.cri.v1.IDMapping;
import dev.retainerd.wire.cri.v1.Mount;
import dev.retainerd.wire.cri.v1.UserNamespace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The mounts of a container: the usual file systems, then the request's and the pod's bind mounts,
 * shallow ones first so that none hides another.
 *
 * <p>As with containerd a missing host path is made as a folder, links on the host are followed,
 * and a mount of the request replaces the usual one at the same place.
 */
final class MountPlan {
  /** What runc lets be covered below /proc; everything else there is refused. */
  private static final Set<Path> COVERABLE_IN_PROC =
      Set.of(
          Path.of("/proc/cpuinfo"),
          Path.of("/proc/diskstats"),
          Path.of("/proc/meminfo"),
          Path.of("/proc/stat"),
          Path.of("/proc/swaps"),
          Path.of("/proc/uptime"),
          Path.of("/proc/loadavg"),
          Path.of("/proc/slabinfo"),
          Path.of("/proc/net/dev"),
          Path.of("/proc/sys/kernel/ns_last_pid"),
          Path.of("/proc/sys/crypto/fips_enabled"));

  static final String SYSFS = "/sys";

  private final JsonArray mounts = new JsonArray();
  private String rootfsPropagation = "";

  private MountPlan() {}

  /** The file systems every container has, but for /dev/shm and the cgroup. */
  static List<JsonObject> standard() {
    return List.of(
        mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            "nosuid",
            "noexec",
            "newinstance",
            "ptmxmode=0666",
            "mode=0620",
            "gid=5"),
        mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"));
  }

  static JsonObject mount(String target, String type, String source, String... options) {
    return JsonTree.object(
        "destination", target, "type", type, "source", source, "options", List.of(options));
  }

  /** The mounts of a CRI container. */
  static MountPlan of(ContainerInput input, HostTraits host) {
    List<Mount> binds = new ArrayList<>(input.config().getMountsList());
    binds.forEach(MountPlan::check);
    Set<Path> requested = new HashSet<>();
    binds.forEach(bind -> requested.add(target(bind)));
    for (Mount ofPod : podFiles(input)) {
      if (!requested.contains(target(ofPod))) {
        binds.add(ofPod);
      }
    }
    binds.sort(Comparator.comparingInt(bind -> target(bind).getNameCount()));

    MountPlan plan = new MountPlan();
    Set<Path> covered = new HashSet<>();
    binds.forEach(bind -> covered.add(target(bind)));
    for (JsonObject usual : usual(input, host)) {
      Path target = Path.of(usual.get("destination").getAsString());
      boolean inDev = covered.contains(Path.of("/dev")) && target.startsWith("/dev");
      if (!covered.contains(target) && !inDev) {
        plan.mounts.add(usual);
      }
    }
    for (Mount bind : binds) {
      plan.add(bind, input);
    }
    return plan;
  }

  private static List<JsonObject> usual(ContainerInput input, HostTraits host) {
    boolean privileged = input.config().getLinux().getSecurityContext().getPrivileged();
    List<JsonObject> usual = new ArrayList<>(base(input.handler()));
    boolean writable = input.handler().cgroupWritable() && host.unifiedCgroups();
    String mode = privileged || writable ? "rw" : "ro";
    usual.removeIf(mount -> isAt(mount, "/sys/fs/cgroup"));
    usual.add(
        mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", mode));
    boolean nodeNetwork = input.namespaces().network().isEmpty();
    for (int i = 0; i < usual.size(); i++) {
      if (!isAt(usual.get(i), SYSFS)) {
        continue;
      }
      if (privileged || sharesSysfsWithPrivileged(input)) {
        // A privileged container may write below /sys.
        usual.set(i, writableSysfs(usual.get(i)));
      } else if (NamespacePlan.hasUserNamespace(input) && nodeNetwork) {
        // sysfs cannot be mounted in a user namespace that does not own the network namespace.
        usual.set(i, mount("/sys", "bind", "/sys", "rbind", "rro", "nosuid", "nodev", "noexec"));
      }
    }
    if (NamespacePlan.hasUserNamespace(input) && input.namespaces().ipc().isEmpty()) {
      // Likewise the message queues of an IPC namespace that is the node's.
      usual.replaceAll(
          mount ->
              isAt(mount, "/dev/mqueue")
                  ? mount(
                      "/dev/mqueue", "bind", "/dev/mqueue", "rbind", "nosuid", "noexec", "nodev")
                  : mount);
    }
    return usual;
  }

  /** A mount of sysfs that may be written; any other mount as it is. */
  static JsonObject writableSysfs(JsonObject mount) {
    return isAt(mount, SYSFS)
        ? mount(SYSFS, "sysfs", "sysfs", "nosuid", "noexec", "nodev", "rw")
        : mount;
  }

  /**
   * Whether it may be the first to mount the sysfs of a network namespace in which others may want
   * to write there. All mounts of it are as read-only as the first, so its own is writable, and
   * what it sees of it is not.
   */
  static boolean sharesSysfsWithPrivileged(ContainerInput input) {
    return input.pod().getLinux().getSecurityContext().getPrivileged()
        && !input.config().getLinux().getSecurityContext().getPrivileged()
        && input.namespaces().network().isPresent()
        && input.namespaces().pid().isEmpty()
        && !NamespacePlan.hasUserNamespace(input);
  }

  private static boolean isAt(JsonObject mount, String target) {
    return mount.get("destination").getAsString().equals(target);
  }

  /** The mounts of the operator's base spec, else the standard ones with a /dev/shm. */
  private static List<JsonObject> base(HandlerTraits handler) {
    if (handler.baseSpec().isPresent() && handler.baseSpec().get().has("mounts")) {
      return handler.baseSpec().get().getAsJsonArray("mounts").asList().stream()
          .map(mount -> mount.deepCopy().getAsJsonObject())
          .toList();
    }
    List<JsonObject> mounts = new ArrayList<>(standard());
    mounts.add(
        mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"));
    return mounts;
  }

  private static List<Mount> podFiles(ContainerInput input) {
    boolean readonly = input.config().getLinux().getSecurityContext().getReadonlyRootfs();
    List<Mount> mounts = new ArrayList<>();
    PodFiles files = input.files();
    UserNamespace users = NamespacePlan.options(input.pod()).getUsernsOptions();
    files.hostname().ifPresent(path -> mounts.add(podFile("/etc/hostname", path, readonly, users)));
    files.hosts().ifPresent(path -> mounts.add(podFile("/etc/hosts", path, readonly, users)));
    files
        .resolvConf()
        .ifPresent(path -> mounts.add(podFile("/etc/resolv.conf", path, readonly, users)));
    // Everybody may write there anyway.
    UserNamespace none = UserNamespace.getDefaultInstance();
    files.shm().ifPresent(path -> mounts.add(podFile("/dev/shm", path, false, none)));
    return mounts;
  }

  /** In a user namespace it belongs to the pod's root. */
  private static Mount podFile(String target, Path source, boolean readonly, UserNamespace users) {
    return Mount.newBuilder()
        .setContainerPath(target)
        .setHostPath(source.toString())
        .setReadonly(readonly)
        .addAllUidMappings(users.getUidsList())
        .addAllGidMappings(users.getGidsList())
        .build();
  }

  /** Below the container's root, whichever folder a relative one would begin in. */
  private static String absolute(String path) {
    return path.startsWith("/") ? path : "/" + path;
  }

  private static Path target(Mount mount) {
    return Path.of("/").resolve(mount.getContainerPath()).normalize();
  }

  /** Refuses what no node could carry out; touches nothing. */
  static void check(Mount mount) {
    String shown = Identifiers.shortened(mount.getContainerPath());
    ProcessArgs.refuseZeroByte("a mount's container_path", mount.getContainerPath());
    ProcessArgs.refuseZeroByte("a mount's host_path", mount.getHostPath());
    if (mount.getContainerPath().isEmpty()) {
      throw Refusal.invalidArgument("a mount has no container_path; say where it goes");
    }
    Path target = target(mount);
    if (target.getNameCount() == 0) {
      throw Refusal.invalidArgument("a mount onto / would hide the whole image; mount below it");
    }
    boolean image = mount.hasImage() && !mount.getImage().getImage().isEmpty();
    if (image != mount.getHostPath().isEmpty()) {
      throw Refusal.invalidArgument(
          "the mount onto " + shown + " needs one of host_path and image, not both or neither");
    }
    if (!image && !mount.getHostPath().startsWith("/")) {
      throw Refusal.invalidArgument(
          "the mount onto %s has the relative host_path %s; give an absolute one"
              .formatted(shown, Identifiers.shortened(mount.getHostPath())));
    }
    if (image && !mount.getReadonly()) {
      throw Refusal.invalidArgument(
          "the image mounted onto " + shown + " is not readonly; images cannot be written, set it");
    }
    checkProc(mount, target);
    if (!mount.getRecursiveReadOnly()) {
      return;
    }
    if (!mount.getReadonly()) {
      throw Refusal.invalidArgument(
          "the mount onto " + shown + " is recursive_read_only but not readonly; set both");
    }
    if (mount.getPropagationValue() != 0) {
      throw Refusal.invalidArgument(
          "the recursive_read_only mount onto " + shown + " takes private propagation alone");
    }
  }

  private static void checkProc(Mount mount, Path target) {
    boolean wholeOfHost =
        target.equals(Path.of("/proc"))
            && Path.of("/", mount.getHostPath()).normalize().equals(target);
    if (target.startsWith("/proc") && !wholeOfHost && !COVERABLE_IN_PROC.contains(target)) {
      throw Refusal.invalidArgument(
          "the mount onto %s lies in /proc, which must stay the container's own; mount elsewhere"
              .formatted(Identifiers.shortened(mount.getContainerPath())));
    }
  }

  private void add(Mount mount, ContainerInput input) {
    Path source = source(mount, input);
    List<String> options = new ArrayList<>(List.of("rbind"));
    options.add(propagation(mount, source));
    if (mount.getRecursiveReadOnly() && !input.handler().recursiveReadOnly()) {
      throw Refusal.unimplemented(
          "the runtime handler knows no recursive read-only mounts, which the mount onto %s asks for"
              .formatted(Identifiers.shortened(mount.getContainerPath())));
    }
    boolean image = mount.hasImage() && !mount.getImage().getImage().isEmpty();
    if (mount.getRecursiveReadOnly()) {
      options.add("rro");
    } else {
      options.add(mount.getReadonly() || image ? "ro" : "rw");
    }
    JsonObject json =
        JsonTree.object(
            "destination",
            absolute(mount.getContainerPath()),
            "type",
            "bind",
            "source",
            source.toString(),
            "options",
            options);
    // An image was mounted with the owners that it is to show.
    if (!image && mount.getUidMappingsCount() > 0) {
      json.add("uidMappings", mappings(mount.getUidMappingsList()));
    }
    if (!image && mount.getGidMappingsCount() > 0) {
      json.add("gidMappings", mappings(mount.getGidMappingsList()));
    }
    mounts.add(json);
  }

  static JsonArray mappings(List<IDMapping> mappings) {
    return JsonTree.array(
        mappings.stream()
            .map(
                mapping ->
                    JsonTree.object(
                        "containerID",
                        Integer.toUnsignedLong(mapping.getContainerId()),
                        "hostID",
                        Integer.toUnsignedLong(mapping.getHostId()),
                        "size",
                        Integer.toUnsignedLong(mapping.getLength())))
            .toList());
  }

  private static Path source(Mount mount, ContainerInput input) {
    if (mount.hasImage() && !mount.getImage().getImage().isEmpty()) {
      Map<String, Path> images = input.imageMounts();
      Path mounted = images.get(mount.getContainerPath());
      if (mounted == null) {
        throw Refusal.unimplemented(
            "the image %s cannot be mounted onto %s"
                .formatted(
                    Identifiers.shortened(mount.getImage().getImage()),
                    Identifiers.shortened(mount.getContainerPath())));
      }
      return mounted;
    }
    Path path = Path.of(mount.getHostPath());
    try {
      if (!Files.exists(path)) {
        Files.createDirectories(path);
      }
      return path.toRealPath();
    } catch (IOException e) {
      throw Refusal.failedPrecondition(
              "the host_path %s can neither be found nor made; create it, or check what it links to"
                  .formatted(Identifiers.shortened(mount.getHostPath())))
          .because(e);
    }
  }

  private String propagation(Mount mount, Path source) {
    return switch (mount.getPropagation()) {
      case PROPAGATION_PRIVATE -> "rprivate";
      case PROPAGATION_BIDIRECTIONAL -> {
        requirePropagation(mount, source, Set.of("shared:"), "shared");
        rootfsPropagation = "rshared";
        yield "rshared";
      }
      case PROPAGATION_HOST_TO_CONTAINER -> {
        requirePropagation(mount, source, Set.of("shared:", "master:"), "shared or slave");
        rootfsPropagation = rootfsPropagation.isEmpty() ? "rslave" : rootfsPropagation;
        yield "rslave";
      }
      case UNRECOGNIZED ->
          throw Refusal.invalidArgument(
              "there is no mount propagation %d, which the mount onto %s asks for"
                  .formatted(
                      mount.getPropagationValue(),
                      Identifiers.shortened(mount.getContainerPath())));
    };
  }

  private static void requirePropagation(
      Mount mount, Path source, Set<String> marks, String words) {
    MountPoint on = mountOf(source);
    boolean fits = on.propagation().stream().anyMatch(p -> marks.stream().anyMatch(p::startsWith));
    if (!fits) {
      throw Refusal.failedPrecondition(
          "the host_path %s is on the mount %s, which is not %s; run mount --make-rshared %s"
              .formatted(
                  Identifiers.shortened(mount.getHostPath()), on.target(), words, on.target()));
    }
  }

  /** The mount a path is on: the last one made at its nearest folder that is a mount point. */
  private static MountPoint mountOf(Path path) {
    try {
      MountTable table = MountTable.read();
      for (Path at = path; at != null; at = at.getParent()) {
        var found = table.at(at);
        if (found.isPresent()) {
          return found.get();
        }
      }
    } catch (IOException e) {
      throw Refusal.internal("the table of mounts cannot be read", e);
    }
    throw Refusal.internal("no mount is known for " + path);
  }

  JsonArray toJson() {
    return mounts;
  }

  /** "rshared", "rslave", or "" for the OCI runtime's own choice. */
  String rootfsPropagation() {
    return rootfsPropagation;
  }
}
