package dev.retainerd.runtime.namespaces;

import dev.retainerd.runtime.linux.NativeFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A user namespace, and others that it owns, for as long as this is open: a small process holds
 * them, since the kernel lets no process with several threads, such as ours, make a user namespace.
 * When we are killed, that process reads the end of its input and ends as well. For one thread.
 */
public final class HeldNamespaces implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final String HOLD = "echo; read end";

  private final Process holder;

  private HeldNamespaces(Process holder) {
    this.holder = holder;
  }

  /** A user namespace alone, with this mapping. */
  public static HeldNamespaces user(IdMappings ids) throws IOException {
    return make(Set.of(NamespaceKind.USER), ids);
  }

  /**
   * Makes them.
   *
   * @param kinds those that the user namespace is to own; itself need not be among them
   */
  static HeldNamespaces make(Set<NamespaceKind> kinds, IdMappings ids) throws IOException {
    List<String> command = new ArrayList<>(List.of("unshare", "--user"));
    for (NamespaceKind kind : NamespaceKind.values()) {
      if (kinds.contains(kind) && kind != NamespaceKind.USER) {
        command.add("--" + kind.procName());
      }
    }
    command.addAll(List.of("/bin/sh", "-c", HOLD));
    HeldNamespaces held = new HeldNamespaces(start(command));
    try {
      held.awaitReady();
      Path proc = Path.of("/proc", Long.toString(held.holder.pid()));
      write(proc.resolve("uid_map"), IdMappings.file(ids.uids()));
      write(proc.resolve("gid_map"), IdMappings.file(ids.gids()));
      return held;
    } catch (IOException e) {
      held.close();
      throw e;
    }
  }

  private static Process start(List<String> command) throws IOException {
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  private void awaitReady() throws IOException {
    byte[] said =
        NamespaceThread.call(
            "a new user namespace", PATIENCE, () -> holder.getInputStream().readNBytes(1));
    if (said.length == 1 && said[0] == '\n') {
      return;
    }
    holder.getOutputStream().close();
    String rest =
        new String(holder.getInputStream().readNBytes(1000), StandardCharsets.UTF_8).strip();
    throw new IOException(
        "a user namespace cannot be made: "
            + new String(said, StandardCharsets.UTF_8)
            + rest
            + "; is user.max_user_namespaces 0?");
  }

  private static void write(Path map, String ranges) throws IOException {
    try {
      // One write: the kernel takes a mapping only as a whole, and once.
      Files.write(map, ranges.getBytes(StandardCharsets.US_ASCII), StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw new IOException(
          "the kernel does not take the mapping " + ranges.strip() + ": " + e.getMessage(), e);
    }
  }

  /** Where the kernel shows one of them, while this is open. */
  Path path(NamespaceKind kind) {
    return Path.of("/proc", Long.toString(holder.pid()), "ns", kind.procName());
  }

  /** The user namespace itself, which lasts as long as the file is open. */
  public NativeFile open() throws IOException {
    return NativeFile.open(path(NamespaceKind.USER), NativeFile.O_RDONLY, 0);
  }

  /** Writes kernel settings as the root of the namespaces; those of IPC heed nobody else. */
  void apply(List<Sysctl> sysctls) throws IOException {
    if (sysctls.isEmpty()) {
      return;
    }
    List<String> command =
        new ArrayList<>(
            List.of(
                "nsenter",
                "--target",
                Long.toString(holder.pid()),
                "--user",
                "--ipc",
                "/bin/sh",
                "-c",
                "while [ $# -gt 0 ]; do printf %s \"$2\" > \"$1\" || exit 1; shift 2; done",
                "sysctl"));
    for (Sysctl sysctl : sysctls) {
      command.add(sysctl.file().toString());
      command.add(sysctl.value());
    }
    Process writer = start(command);
    try {
      writer.getOutputStream().close();
      String said =
          NamespaceThread.call(
              "kernel settings of a pod",
              PATIENCE,
              () ->
                  new String(writer.getInputStream().readNBytes(1000), StandardCharsets.UTF_8)
                      .strip());
      if (!ended(writer) || writer.exitValue() != 0) {
        throw new IOException("a sysctl of the pod could not be set: " + said);
      }
    } finally {
      writer.destroyForcibly();
    }
  }

  private static boolean ended(Process process) {
    try {
      return process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  @Override
  public void close() {
    holder.destroyForcibly();
    ended(holder);
  }
}
