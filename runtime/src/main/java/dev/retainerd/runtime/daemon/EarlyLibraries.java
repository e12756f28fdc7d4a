package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.store.rocks.CatchUp;
import io.netty.channel.epoll.Epoll;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads native libraries, and the classes that come with them, on a thread of its own, while the
 * main thread reads configuration and log: a start has two processors to use.
 *
 * <p>Nothing here touches a class of ours beyond the three entries, and what they initialize (the
 * libraries' own classes) depends on nothing that the main thread initializes meanwhile, which has
 * set up logging before. So the main thread may have to wait for this one, never this one for it.
 */
final class EarlyLibraries {
  private static final long PATIENCE_MILLIS = 30_000;

  private final Thread thread;

  private EarlyLibraries(Thread thread) {
    this.thread = thread;
  }

  /** Begins; in the order in which a start needs them. */
  static EarlyLibraries begin() {
    Logger log = LoggerFactory.getLogger(EarlyLibraries.class);
    return new EarlyLibraries(
        Thread.ofPlatform()
            .daemon()
            .name("libraries")
            .start(
                () -> {
                  load(log, ChronicleEventLog::loadLibraries);
                  load(log, CatchUp::loadLibraries);
                  load(log, Epoll::ensureAvailability);
                }));
  }

  private static void load(Logger log, Runnable library) {
    try {
      library.run();
    } catch (RuntimeException | LinkageError e) {
      // Whoever needs it meets the same, and says what it means.
      log.debug("a library was not loaded ahead of its use", e);
    }
  }

  /** Waits until all is there, before what is loaded last is used. */
  void await() {
    try {
      thread.join(PATIENCE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
