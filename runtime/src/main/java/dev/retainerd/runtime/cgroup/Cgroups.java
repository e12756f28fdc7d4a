package dev.retainerd.runtime.cgroup;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.MountPoint;
import dev.retainerd.runtime.linux.MountTable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The node's cgroups. A cgroup is named by its path from the root, the same in every hierarchy.
 *
 * <p>Thread-safe; the kernel settles races, and each effect may be repeated.
 */
public final class Cgroups {
  private static final Path ROOT = Path.of("/sys/fs/cgroup");
  private static final Duration REMOVE_DEADLINE = Duration.ofSeconds(2);
  private static final int REMOVE_RETRY_MILLIS = 10;
  private static final Set<String> NO_CONTROLLERS =
      Set.of("rw", "ro", "xattr", "clone_children", "noprefix", "nsdelegate");

  private final CgroupMode mode;
  private final List<Hierarchy> hierarchies;

  Cgroups(CgroupMode mode, List<Hierarchy> hierarchies) {
    this.mode = mode;
    this.hierarchies = List.copyOf(hierarchies);
  }

  /**
   * Finds the hierarchies in the mount table.
   *
   * @throws Refusal FAILED_PRECONDITION if there are none
   */
  public static Cgroups detect() {
    try {
      return of(MountTable.read());
    } catch (IOException e) {
      throw Refusal.internal("the cgroups of this node cannot be found: " + e.getMessage(), e);
    }
  }

  /** The same for a given table. */
  static Cgroups of(MountTable table) throws IOException {
    Optional<MountPoint> root = table.at(ROOT).filter(m -> m.type().equals("cgroup2"));
    if (root.isPresent()) {
      return new Cgroups(CgroupMode.UNIFIED, List.of(version2(ROOT)));
    }
    List<Hierarchy> found = new ArrayList<>();
    Set<String> seen = new LinkedHashSet<>();
    boolean hybrid = false;
    for (MountPoint mount : table.entries()) {
      if (!mount.root().equals("/") || !mount.type().startsWith("cgroup")) {
        continue;
      }
      // The same hierarchy may be mounted again, inside of a container's root for one.
      if (seen.add(mount.type() + mount.device())) {
        boolean v2 = mount.type().equals("cgroup2");
        hybrid |= v2;
        found.add(v2 ? version2(mount.target()) : version1(mount));
      }
    }
    if (found.stream().allMatch(Hierarchy::v2)) {
      throw Refusal.failedPrecondition(
          "no cgroups are mounted below " + ROOT + "; mount cgroup2 there");
    }
    return new Cgroups(hybrid ? CgroupMode.HYBRID : CgroupMode.V1, found);
  }

  private static Hierarchy version1(MountPoint mount) {
    Set<String> controllers = new LinkedHashSet<>();
    for (String option : mount.superOptions()) {
      if (!NO_CONTROLLERS.contains(option) && !option.startsWith("release_agent=")) {
        controllers.add(option);
      }
    }
    return new Hierarchy(mount.target(), controllers, false);
  }

  private static Hierarchy version2(Path mount) throws IOException {
    return new Hierarchy(mount, words(mount.resolve("cgroup.controllers")), true);
  }

  private static Set<String> words(Path file) throws IOException {
    Set<String> words = new LinkedHashSet<>(List.of(Files.readString(file).trim().split(" +")));
    words.remove("");
    return words;
  }

  List<Hierarchy> hierarchies() {
    return hierarchies;
  }

  public CgroupMode mode() {
    return mode;
  }

  /** Whether a limit of this controller can be set. */
  public boolean has(String controller) {
    return hierarchies.stream().anyMatch(hierarchy -> hierarchy.has(controller));
  }

  /** Whether it exists in any hierarchy. */
  public boolean exists(String path) {
    String checked = CgroupPath.checked(path);
    return hierarchies.stream().anyMatch(h -> Files.isDirectory(h.folder(checked)));
  }

  /**
   * Makes the cgroup with its parents in every hierarchy and sets the limits; repeated, it sets
   * them again. Also the way to change limits.
   *
   * @throws Refusal INVALID_ARGUMENT if the kernel does not take a value, FAILED_PRECONDITION if
   *     the node lacks the controller
   */
  public void create(String path, CgroupLimits limits) {
    String checked = CgroupPath.checked(path);
    List<LimitFiles.Setting> settings = LimitFiles.of(limits, mode == CgroupMode.UNIFIED);
    for (Hierarchy hierarchy : hierarchies) {
      try {
        makeFolders(hierarchy, checked);
      } catch (IOException e) {
        throw Refusal.internal(
            "the cgroup "
                + path
                + " could not be made in "
                + hierarchy.mount()
                + ": "
                + e.getMessage(),
            e);
      }
    }
    for (LimitFiles.Setting setting : settings) {
      set(checked, setting);
    }
  }

  private static void makeFolders(Hierarchy hierarchy, String path) throws IOException {
    Path folder = hierarchy.mount();
    for (Path name : Path.of(path)) {
      if (hierarchy.v2()) {
        enableControllers(folder);
      }
      Path parent = folder;
      folder = folder.resolve(name);
      try {
        Files.createDirectory(folder);
      } catch (FileAlreadyExistsException e) {
        // Another pod's or an earlier try; what follows is repeatable.
      }
      if (hierarchy.has("cpuset") && !hierarchy.v2()) {
        inherit(parent, folder, "cpuset.cpus");
        inherit(parent, folder, "cpuset.mems");
      }
    }
  }

  /** A version 1 cpuset is born empty and takes no process until it is filled. */
  private static void inherit(Path parent, Path child, String file) throws IOException {
    if (Files.readString(child.resolve(file)).isBlank()) {
      write(child.resolve(file), Files.readString(parent.resolve(file)).trim());
    }
  }

  private static void enableControllers(Path folder) throws IOException {
    Path file = folder.resolve("cgroup.subtree_control");
    Set<String> missing = words(folder.resolve("cgroup.controllers"));
    missing.removeAll(words(file));
    for (String controller : missing) {
      try {
        write(file, "+" + controller);
      } catch (IOException e) {
        // A controller that cannot be handed down (cgroup with processes, realtime cpu) is missed
        // only if a limit needs it, and then the limit's file is named as absent.
      }
    }
  }

  private void set(String path, LimitFiles.Setting setting) {
    Path file =
        hierarchies.stream()
            .filter(h -> h.has(setting.controller()))
            .map(h -> h.folder(path).resolve(setting.file()))
            .findFirst()
            .orElse(null);
    if (file == null || !Files.exists(file)) {
      boolean lifted = setting.value().equals("-1") || setting.value().equals("max");
      if (lifted) {
        return;
      }
      throw Refusal.failedPrecondition(
          "the limit "
              + setting.file()
              + " of cgroup "
              + path
              + " cannot be set: this kernel has"
              + " no such file; leave the limit out");
    }
    try {
      write(file, setting.value());
    } catch (IOException e) {
      throw Refusal.invalidArgument(
              "the limit "
                  + setting.file()
                  + " of cgroup "
                  + path
                  + " cannot be \""
                  + setting.value()
                  + "\": "
                  + reason(e))
          .because(e);
    }
  }

  private static String reason(IOException e) {
    return e instanceof FileSystemException f && f.getReason() != null
        ? f.getReason()
        : e.getMessage();
  }

  private static void write(Path file, String value) throws IOException {
    Files.write(file, value.getBytes(StandardCharsets.UTF_8), StandardOpenOption.WRITE);
  }

  /**
   * Removes the cgroup and all below it, in every hierarchy, if no process is left in them; a
   * process that is just ending is waited for up to two seconds.
   *
   * @return false if there was nothing
   * @throws Refusal FAILED_PRECONDITION with the processes that are still in it
   */
  public boolean remove(String path) {
    String checked = CgroupPath.checked(path);
    boolean any = false;
    for (Hierarchy hierarchy : hierarchies) {
      any |= removeIn(hierarchy.folder(checked), checked);
    }
    return any;
  }

  private boolean removeIn(Path folder, String path) {
    long end = System.nanoTime() + REMOVE_DEADLINE.toNanos();
    boolean any = false;
    while (true) {
      try {
        List<Path> folders = foldersBelow(folder);
        any |= !folders.isEmpty();
        for (Path each : folders.reversed()) {
          Files.deleteIfExists(each);
        }
        return any;
      } catch (IOException e) {
        boolean busy =
            e instanceof DirectoryNotEmptyException || String.valueOf(reason(e)).contains("busy");
        if (!busy) {
          throw Refusal.internal("the cgroup " + folder + " could not be removed: " + reason(e), e);
        }
        if (System.nanoTime() - end > 0) {
          throw Refusal.failedPrecondition(
              "the cgroup "
                  + path
                  + " cannot be removed: processes "
                  + processes(path)
                  + " are in it; stop them first");
        }
        pause(path);
      }
    }
  }

  private static void pause(String path) {
    try {
      Thread.sleep(REMOVE_RETRY_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("removing the cgroup " + path + " was cancelled");
    }
  }

  /** The folder and all folders in it, parents first; none if it does not exist. */
  private static List<Path> foldersBelow(Path folder) throws IOException {
    List<Path> found = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      found.add(folder);
      for (int i = 0; i < found.size(); i++) {
        try (DirectoryStream<Path> children =
            Files.newDirectoryStream(found.get(i), Files::isDirectory)) {
          children.forEach(found::add);
        } catch (NoSuchFileException e) {
          // Removed by someone else meanwhile.
        }
      }
    }
    return found;
  }

  /** All processes in the cgroup and below it, each once, in any hierarchy. */
  public List<Integer> processes(String path) {
    Set<Integer> pids = new LinkedHashSet<>();
    list(path).forEach(entry -> pids.addAll(entry.pids()));
    return List.copyOf(pids);
  }

  /** The cgroup itself and every one below it; none if it does not exist. */
  public List<CgroupEntry> list(String path) {
    String checked = CgroupPath.checked(path);
    Map<String, Set<String>> controllers = new TreeMap<>();
    Map<String, Set<Integer>> pids = new TreeMap<>();
    for (Hierarchy hierarchy : hierarchies) {
      try {
        for (Path folder : foldersBelow(hierarchy.folder(checked))) {
          String name = "/" + hierarchy.mount().relativize(folder);
          controllers
              .computeIfAbsent(name, k -> new LinkedHashSet<>())
              .addAll(hierarchy.controllers());
          pids.computeIfAbsent(name, k -> new LinkedHashSet<>()).addAll(pidsIn(folder));
        }
      } catch (IOException e) {
        throw Refusal.internal("the cgroup " + path + " cannot be read: " + e.getMessage(), e);
      }
    }
    return controllers.entrySet().stream()
        .map(
            entry ->
                new CgroupEntry(
                    entry.getKey(),
                    List.copyOf(entry.getValue()),
                    List.copyOf(pids.get(entry.getKey()))))
        .toList();
  }

  /** Every cgroup of the node. */
  public List<CgroupEntry> all() {
    Set<String> outermost = new TreeSet<>();
    for (Hierarchy hierarchy : hierarchies) {
      String[] names = hierarchy.mount().toFile().list();
      if (names != null) {
        Stream.of(names)
            .filter(name -> Files.isDirectory(hierarchy.mount().resolve(name)))
            .forEach(outermost::add);
      }
    }
    return outermost.stream().flatMap(name -> list("/" + name).stream()).toList();
  }

  private static List<Integer> pidsIn(Path folder) throws IOException {
    try (Stream<String> lines = Files.lines(folder.resolve("cgroup.procs"))) {
      // 0 is a process that our pid namespace cannot see.
      return lines.map(Integer::parseInt).filter(pid -> pid != 0).toList();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (UncheckedIOException e) {
      // A cgroup that is removed while it is read answers ENODEV.
      return List.of();
    }
  }

  /** What happened to its memory; empty if the cgroup or the controller is not there. */
  public Optional<MemoryEvents> memoryEvents(String path) {
    String checked = CgroupPath.checked(path);
    for (Hierarchy hierarchy : hierarchies) {
      if (!hierarchy.has("memory")) {
        continue;
      }
      String name = hierarchy.v2() ? "memory.events" : "memory.oom_control";
      try {
        Map<String, Long> counters = counters(hierarchy.folder(checked).resolve(name));
        return Optional.of(
            new MemoryEvents(
                counters.getOrDefault("oom_kill", 0L),
                counters.getOrDefault("under_oom", 0L) != 0));
      } catch (IOException e) {
        return Optional.empty();
      }
    }
    return Optional.empty();
  }

  private static Map<String, Long> counters(Path file) throws IOException {
    Map<String, Long> counters = new TreeMap<>();
    for (String line : Files.readAllLines(file)) {
      int space = line.indexOf(' ');
      if (space > 0) {
        counters.put(line.substring(0, space), Long.parseLong(line.substring(space + 1).trim()));
      }
    }
    return counters;
  }
}
