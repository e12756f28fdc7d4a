package dev.retainerd.shim.container;

import dev.retainerd.shim.output.EventLoop;
import dev.retainerd.shim.posix.Epoll;
import dev.retainerd.shim.posix.FileChanges;
import dev.retainerd.shim.posix.NativeBuffer;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Hears from the kernel when a container's memory limit is hit: on v1 by an eventfd registered in
 * cgroup.event_control, on v2 by inotify of memory.events. The counter of kills is read again at
 * each exit, because it may lag behind the notification. Thread-safe.
 */
final class OomWatch {
  private static final NativeBuffer SCRATCH = new NativeBuffer(8);

  private final EventLoop loop;
  private final Cgroup cgroup;
  private final Runnable struck;
  private FileChanges changes;
  private int eventFd = -1;
  private int fileFd = -1;

  private OomWatch(EventLoop loop, Cgroup cgroup, Runnable struck) {
    this.loop = loop;
    this.cgroup = cgroup;
    this.struck = struck;
  }

  /** Begins; what the kernel does not offer is done without, as the counter is read at exits. */
  static OomWatch start(EventLoop loop, Cgroup cgroup, Runnable struck) {
    OomWatch watch = new OomWatch(loop, cgroup, struck);
    if (cgroup != null && cgroup.folder("memory") != null) {
      loop.submit(watch::open);
    }
    return watch;
  }

  private void open() {
    Path folder = cgroup.folder("memory");
    try {
      if (cgroup.isUnified()) {
        changes = new FileChanges(folder.resolve("memory.events").toString());
        loop.watch(changes.descriptor(), Epoll.IN, events -> changed());
        return;
      }
      eventFd = Posix.eventCounter();
      fileFd = Posix.open(folder.resolve("memory.oom_control").toString(), Posix.O_RDONLY, 0);
      int control =
          Posix.open(folder.resolve("cgroup.event_control").toString(), Posix.O_WRONLY, 0);
      try {
        Posix.writeAll(control, (eventFd + " " + fileFd).getBytes(StandardCharsets.US_ASCII));
      } finally {
        Posix.close(control);
      }
      loop.watch(eventFd, Epoll.IN, events -> rung());
    } catch (PosixException e) {
      closeNow();
    }
  }

  /** v2: the file counts other things as well, such as limits that were hit without a kill. */
  private void changed() {
    boolean there = changes.take();
    if (cgroup.oomKills() > 0) {
      struck.run();
    }
    if (!there) {
      closeNow();
    }
  }

  /** v1: the removal of a cgroup rings the same bell. */
  private void rung() {
    Posix.read(eventFd, SCRATCH, 0, 8);
    if (Files.exists(cgroup.folder("memory").resolve("memory.oom_control"))) {
      struck.run();
    } else {
      closeNow();
    }
  }

  void close() {
    loop.submit(this::closeNow);
  }

  private void closeNow() {
    if (changes != null) {
      loop.forget(changes.descriptor());
      changes.close();
      changes = null;
    }
    loop.forget(eventFd);
    Posix.close(eventFd);
    Posix.close(fileFd);
    eventFd = -1;
    fileFd = -1;
  }
}
