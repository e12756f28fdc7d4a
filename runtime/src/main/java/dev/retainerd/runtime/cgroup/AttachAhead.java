package dev.retainerd.runtime.cgroup;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets the kernel begin early what a process waits for when the OCI runtime puts it into its
 * cgroups.
 *
 * <p>Whoever moves a process takes the kernel's lock on all thread groups, and where nobody has
 * held it for some milliseconds he waits for a grace period of RCU first: 6 to 15 ms of a {@code
 * runc create} of 29, and of a {@code runc exec} of 24. So a thread takes that lock as soon as it
 * is known that a process will be made, while others still write its intent to disk and the runtime
 * loads: it moves this daemon into the cgroup in which it is, which changes nothing else.
 *
 * <p>Thread-safe; nobody waits for it, and it can only make things faster. It asks where the daemon
 * is each time, since an administrator may move it.
 */
public final class AttachAhead {
  private static final Logger LOG = LoggerFactory.getLogger(AttachAhead.class);
  private static final byte[] MYSELF = "0".getBytes(StandardCharsets.US_ASCII);

  private final Path self;
  private final Supplier<Cgroups> cgroups;
  private final Semaphore wanted = new Semaphore(0);

  private AttachAhead(Path self, Supplier<Cgroups> cgroups) {
    this.self = self;
    this.cgroups = cgroups;
  }

  /** Starts its thread, which looks for cgroups with the first process that is expected. */
  public static AttachAhead start() {
    return start(OwnCgroup.SELF, Cgroups::detect);
  }

  /** The same where a file says which cgroup is ours. */
  static AttachAhead start(Path self, Supplier<Cgroups> cgroups) {
    AttachAhead ahead = new AttachAhead(self, cgroups);
    Thread.ofPlatform().daemon().name("attach-ahead").start(ahead::serve);
    return ahead;
  }

  /** A process is about to be made. */
  public void expect() {
    // Who asks while the thread is in the kernel is served once more, but not twice.
    if (wanted.availablePermits() == 0) {
      wanted.release();
    }
  }

  private void serve() {
    try {
      wanted.acquire();
      Hierarchy hierarchy = cgroups.get().hierarchies().getLast();
      while (true) {
        take(hierarchy);
        wanted.acquire();
      }
    } catch (InterruptedException | Refusal e) {
      LOG.debug("nothing is begun early for processes: {}", e.getMessage());
    }
  }

  private void take(Hierarchy hierarchy) {
    try {
      Optional<Path> own = OwnCgroup.read(self).in(hierarchy);
      if (own.isPresent()) {
        Files.write(own.get().resolve("cgroup.procs"), MYSELF, StandardOpenOption.WRITE);
      }
    } catch (IOException e) {
      // A refusal comes after the lock has been held: it does as well.
      LOG.trace("the daemon was not moved to where it is: {}", e.getMessage());
    }
  }
}
