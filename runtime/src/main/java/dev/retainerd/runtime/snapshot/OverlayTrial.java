package dev.retainerd.runtime.snapshot;

import dev.retainerd.runtime.linux.DirectoryCalls;
import dev.retainerd.runtime.linux.Errno;
import dev.retainerd.runtime.linux.Mounts;
import dev.retainerd.runtime.linux.SystemCallException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * Tries on a file system what overlays need of it: the marks that layers are unpacked with, and a
 * small overlay itself. Not for two threads on one folder.
 */
final class OverlayTrial {
  private static final String FOLDER = "trial";
  private static final byte[] MARK = DirectoryCalls.name("trusted.overlay.opaque");
  private static final byte[] YES = {'y'};

  /**
   * What says that the file system, or the kernel, does not do it at all. Anything else, such as a
   * full disk, says nothing about the file system.
   */
  private static final Set<Errno> NEVER =
      Set.of(Errno.EINVAL, Errno.EOPNOTSUPP, Errno.ENODEV, Errno.ENOSYS, Errno.EROFS, Errno.EPERM);

  private OverlayTrial() {}

  /** Why it does not work below this folder; empty where it does, or where that cannot be said. */
  static Optional<String> faultOn(Path folder) throws IOException {
    Path trial = folder.resolve(FOLDER);
    remove(trial);
    try {
      for (String part : new String[] {"lower", "upper", "work", "merged"}) {
        Files.createDirectories(trial.resolve(part));
      }
      Files.createFile(trial.resolve("lower/gone"));
      return step("whiteouts cannot be made", () -> whiteout(trial))
          .or(() -> step("overlayfs's attributes are not kept", () -> mark(trial)))
          .or(() -> step("an overlay cannot be mounted and written to", () -> use(trial)));
    } finally {
      remove(trial);
    }
  }

  private interface Step {
    void run() throws SystemCallException;
  }

  private static Optional<String> step(String what, Step step) {
    try {
      step.run();
      return Optional.empty();
    } catch (SystemCallException e) {
      return NEVER.contains(e.errno())
          ? Optional.of(what + ": " + e.errno().meaning())
          : Optional.empty();
    }
  }

  private static byte[] name(Path path) {
    return DirectoryCalls.name(path.toString());
  }

  private static void whiteout(Path trial) throws SystemCallException {
    byte[] name = name(trial.resolve("upper/whiteout"));
    DirectoryCalls.mknodat(DirectoryCalls.CWD, name, DirectoryCalls.S_IFCHR, 0, 0);
    DirectoryCalls.unlinkat(DirectoryCalls.CWD, name);
  }

  private static void mark(Path trial) throws SystemCallException {
    DirectoryCalls.setXattr(DirectoryCalls.CWD, name(trial.resolve("lower")), MARK, YES);
  }

  private static void use(Path trial) throws SystemCallException {
    Path merged = trial.resolve("merged");
    String data =
        "lowerdir=%s,upperdir=%s,workdir=%s"
            .formatted(trial.resolve("lower"), trial.resolve("upper"), trial.resolve("work"));
    Mounts.mount("overlay", merged, "overlay", 0, data);
    DirectoryCalls.unlinkat(DirectoryCalls.CWD, name(merged.resolve("gone")));
    DirectoryCalls.mkdirat(DirectoryCalls.CWD, name(merged.resolve("made")), 0700);
  }

  /** Also what a daemon left that was killed in the middle of it. */
  private static void remove(Path trial) throws IOException {
    if (Files.exists(trial)) {
      Mounts.unmountAll(trial.resolve("merged"));
      Trees.delete(trial);
    }
  }
}
