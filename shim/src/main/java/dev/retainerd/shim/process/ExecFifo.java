package dev.retainerd.shim.process;

import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The FIFO at which the init that runc made waits for its start: it opens it to write, writes a
 * byte and becomes the user's program. Reading that byte and removing the FIFO is all that {@code
 * runc start} does (runc 1.0 to 1.5), unless there are poststart hooks or systemd is to be told.
 *
 * <p>Its reader is a process of its own, as {@code runc start} is: an init whose only reader dies
 * between the opening and the byte dies too, and we may be killed at any instant. Thread-safe.
 */
public final class ExecFifo {
  private static final long ON_ITS_WAY_NANOS = 200_000_000;

  /** Mostly it is on its way already when its end of the FIFO is seen closed. */
  private static final Duration LOOK = Duration.ofNanos(100_000);

  private final Path folder;
  private final Path fifo;

  /**
   * @param root where the runtime keeps the state of its containers
   */
  public ExecFifo(Path root, String id) {
    this.folder = root.resolve(id);
    this.fifo = folder.resolve("exec.fifo");
  }

  /** As the runtime sees it: a container waits for its start as long as this is there. */
  public boolean exists() {
    return Files.exists(fifo);
  }

  /** Whether it is runc's; in crun's the bytes go the other way. */
  public boolean isOfRunc() {
    return Files.exists(folder.resolve("state.json"));
  }

  /** Whether the process is still runc's own and not yet the user's program. */
  public static boolean isRuncInit(int pid) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/comm")).startsWith("runc:[");
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Waits until the process, let go, has become the user's program: a signal that came before would
   * be runc's. It takes a moment, and this waits no longer than that.
   *
   * @return false where it is runc's own still
   */
  public static boolean awaitProgram(int pid) {
    long deadline = System.nanoTime() + ON_ITS_WAY_NANOS;
    while (isRuncInit(pid)) {
      if (System.nanoTime() - deadline > 0) {
        return false;
      }
      try {
        Thread.sleep(LOOK);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
    return true;
  }

  Path path() {
    return fifo;
  }

  /**
   * Ends the wait of a reader for an init that will not come any more. One that has read already is
   * left to say so, however long it takes to be scheduled: killed, it would take a start with it.
   */
  void endWait() {
    try {
      // The kernel lets the reader in when somebody is at the other end, and then it reads an end.
      Posix.close(Posix.open(fifo.toString(), Posix.O_WRONLY | Posix.O_NONBLOCK, 0));
    } catch (PosixException e) {
      // Nobody reads, not yet or not any more.
      return;
    }
  }

  /** Whether reading it is all that a start of this bundle takes, where runc makes it. */
  static boolean isAllOfStart(Path bundle) {
    return System.getenv("NOTIFY_SOCKET") == null && !hasStartHooks(bundle);
  }

  /** Afterwards the container has been started, for the runtime too. */
  public void remove() throws IOException {
    Files.deleteIfExists(fifo);
  }

  /** By the name alone: whatever else bears it costs only time. */
  private static boolean hasStartHooks(Path bundle) {
    try {
      return Files.readString(bundle.resolve("config.json")).contains("\"poststart\"");
    } catch (IOException e) {
      return true;
    }
  }
}
