package dev.retainerd.runtime.namespaces;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.Mounts;
import dev.retainerd.runtime.linux.NamespaceCalls;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Makes, finds and ends the namespaces of pods. A namespace is kept alive by a bind mount on a file
 * below the state folder (netns/ID, utsns/ID, ipcns/ID, userns/ID), so that a pod needs no process
 * to hold it.
 *
 * <p>All of it happens within this process: a fresh kernel thread unshares, sets host name and
 * sysctls, brings lo up, and only then pins what it has. A user namespace alone takes another
 * process, see {@link HeldNamespaces}. So a pin that exists is complete, and a kill at any point
 * leaves either nothing, or some pins and files that {@link #pin} replaces and {@link #release}
 * removes.
 *
 * <p>Thread-safe for different ids; calls for one id must not overlap.
 */
public final class NamespacePins {
  private static final Duration DEADLINE = Duration.ofSeconds(20);
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,127}");
  private static final int LONGEST_HOSTNAME = 64;

  private final Path state;

  /** Pins below this folder, which need not exist yet; it must be visible to the OCI runtime. */
  public NamespacePins(Path state) {
    this.state = state.toAbsolutePath().normalize();
  }

  /** Where the pin of this kind is, whether it exists or not. */
  public Path path(String id, NamespaceKind kind) {
    requireId(id);
    return state.resolve(kind.folder()).resolve(id);
  }

  /**
   * Makes and pins the namespaces. Repeated for an id whose pins are all alive, it leaves them as
   * they are; a half-made set is replaced.
   *
   * @return the pin of each kind asked for
   * @throws Refusal if host name or a sysctl is not acceptable, or the kernel refuses
   */
  public Map<NamespaceKind, Path> pin(NamespaceRequest request) {
    requireId(request.id());
    if (request.kinds().contains(NamespaceKind.USER) && request.ids().equals(IdMappings.NONE)) {
      throw Refusal.invalidArgument(
          "a user namespace in which nobody is anybody is of no use; give its mappings");
    }
    List<Sysctl> sysctls = check(request);
    Map<NamespaceKind, Path> pins = new EnumMap<>(NamespaceKind.class);
    int kinds = 0;
    for (NamespaceKind kind : request.kinds()) {
      pins.put(kind, path(request.id(), kind));
      kinds |= kind.cloneFlag();
    }
    int flags = kinds;
    try {
      if (flags == 0 || allAlive(pins)) {
        return pins;
      }
      release(request.id());
      for (Path pin : pins.values()) {
        Files.createDirectories(pin.getParent());
        createFile(pin);
      }
      if (request.kinds().contains(NamespaceKind.USER)) {
        pinOwned(request, sysctls, pins);
      } else {
        NamespaceThread.call(
            "namespaces of " + request.id(),
            DEADLINE,
            () -> {
              NamespaceCalls.unshare(flags);
              fill(request, sysctls);
              for (Map.Entry<NamespaceKind, Path> pin : pins.entrySet()) {
                Path own = Path.of("/proc/thread-self/ns", pin.getKey().procName());
                Mounts.bind(own, pin.getValue());
              }
              return null;
            });
      }
      return pins;
    } catch (IOException e) {
      release(request.id());
      throw Refusal.internal(
          "the namespaces of pod " + request.id() + " could not be made: " + e.getMessage(), e);
    }
  }

  /** A user namespace, and the others such that it owns them. */
  private static void pinOwned(
      NamespaceRequest request, List<Sysctl> sysctls, Map<NamespaceKind, Path> pins)
      throws IOException {
    try (HeldNamespaces held = HeldNamespaces.make(request.kinds(), request.ids())) {
      NamespaceThread.call(
          "namespaces of " + request.id(),
          DEADLINE,
          () -> {
            for (NamespaceKind kind : pins.keySet()) {
              if (kind != NamespaceKind.USER) {
                NamespaceCalls.enter(held.path(kind), kind.cloneFlag());
              }
            }
            fill(request, sysctls.stream().filter(sysctl -> !sysctl.ofIpc()).toList());
            return null;
          });
      held.apply(sysctls.stream().filter(Sysctl::ofIpc).toList());
      for (Map.Entry<NamespaceKind, Path> pin : pins.entrySet()) {
        Mounts.bind(held.path(pin.getKey()), pin.getValue());
      }
    }
  }

  private static List<Sysctl> check(NamespaceRequest request) {
    if (request.hostname().length() > LONGEST_HOSTNAME) {
      throw Refusal.invalidArgument(
          "host name \"" + request.hostname() + "\" is longer than the kernel's 64 bytes");
    }
    // Sorted, so that a pod that sets the same names twice gets the same order each time.
    return request.sysctls().entrySet().stream()
        .map(entry -> Sysctl.of(entry.getKey(), entry.getValue(), request.kinds()))
        .sorted(Comparator.comparing(Sysctl::name))
        .toList();
  }

  private static void fill(NamespaceRequest request, List<Sysctl> sysctls) throws IOException {
    if (request.kinds().contains(NamespaceKind.UTS) && !request.hostname().isEmpty()) {
      NamespaceCalls.setHostname(request.hostname());
    }
    if (request.kinds().contains(NamespaceKind.NETWORK)) {
      // What the loopback plugin of CNI does in ten milliseconds.
      NamespaceCalls.setInterfaceUp("lo");
    }
    for (Sysctl sysctl : sysctls) {
      sysctl.apply();
    }
  }

  /** Whether a namespace of that kind is pinned there. */
  public static boolean isAlive(Path pin, NamespaceKind kind) {
    try {
      return NamespaceCalls.kindOf(pin) == kind.cloneFlag();
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean allAlive(Map<NamespaceKind, Path> pins) throws IOException {
    for (Map.Entry<NamespaceKind, Path> pin : pins.entrySet()) {
      if (NamespaceCalls.kindOf(pin.getValue()) != pin.getKey().cloneFlag()) {
        return false;
      }
    }
    return true;
  }

  private static void createFile(Path pin) throws IOException {
    try {
      Files.createFile(pin);
    } catch (FileAlreadyExistsException e) {
      if (!Files.isRegularFile(pin, LinkOption.NOFOLLOW_LINKS)) {
        throw e;
      }
    }
  }

  /**
   * Unpins all namespaces of the id; each ends when its last process ends.
   *
   * @return false if there was nothing
   * @throws Refusal if a pin cannot be removed
   */
  public boolean release(String id) {
    requireId(id);
    boolean any = false;
    for (NamespaceKind kind : NamespaceKind.values()) {
      Path pin = path(id, kind);
      try {
        any |= Mounts.unmountAll(pin);
        any |= Files.deleteIfExists(pin);
      } catch (IOException e) {
        throw Refusal.internal("the pin " + pin + " could not be removed: " + e.getMessage(), e);
      }
    }
    return any;
  }

  /** Everything pinned below the state folder, dead files included. */
  public List<NamespacePin> list() throws IOException {
    List<NamespacePin> found = new ArrayList<>();
    for (NamespaceKind kind : NamespaceKind.values()) {
      Path folder = state.resolve(kind.folder());
      if (!Files.isDirectory(folder)) {
        continue;
      }
      try (DirectoryStream<Path> pins = Files.newDirectoryStream(folder)) {
        for (Path pin : pins) {
          boolean alive = NamespaceCalls.kindOf(pin) == kind.cloneFlag();
          found.add(new NamespacePin(pin.getFileName().toString(), kind, pin, alive));
        }
      }
    }
    found.sort(Comparator.comparing(NamespacePin::id).thenComparing(NamespacePin::kind));
    return found;
  }

  private static void requireId(String id) {
    if (!ID.matcher(id).matches() || id.contains("..")) {
      throw Refusal.invalidArgument(
          "\"" + id + "\" cannot name the namespaces of a pod; use letters, digits, - _ and .");
    }
  }
}
