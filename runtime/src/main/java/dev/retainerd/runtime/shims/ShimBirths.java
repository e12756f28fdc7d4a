package dev.retainerd.runtime.shims;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ProcessIdentity;
import dev.retainerd.eventlog.proto.ShimLostPayload;
import dev.retainerd.eventlog.proto.ShimStartFailedPayload;
import dev.retainerd.eventlog.proto.ShimStartedPayload;
import dev.retainerd.eventlog.proto.ShimStartingPayload;
import dev.retainerd.eventlog.proto.ShimStoppedPayload;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.Processes;
import dev.retainerd.store.proto.ShimEntry;
import dev.retainerd.store.proto.ShimPhase;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** Starts and ends shim processes, each with its events. Thread-safe. */
record ShimBirths(
    Journal journal,
    ShimLauncher launcher,
    ShimConnector connector,
    Supplier<String> newId,
    Origin self) {
  private static final long LOOK_NANOS = 5_000_000;
  static final Duration INFO_PATIENCE = Duration.ofMillis(1500);
  private static final long DEATH_MILLIS = 5_000;
  private static final long POLL_MILLIS = 1;

  /** A shim that answers, with a line of its own. */
  record Born(String id, ShimCalls calls) {}

  /**
   * Starts a shim.
   *
   * @param spare whether nothing is to live in it yet
   * @param adopts the shim whose containers it will take over, "" for none
   * @throws Refusal UNAVAILABLE where it does not come up; that is recorded
   */
  Born start(boolean spare, String adopts) {
    String id = newId.get();
    journal.commit(
        self,
        "",
        new Event.ShimStarting(
            ShimStartingPayload.newBuilder()
                .setId(id)
                .setAddress(launcher.socket(id).toString())
                .setSpare(spare)
                .setAdopts(adopts)
                .build()));
    try {
      ShimCalls calls = launcher.start(id, connector);
      ShimCalls.Info info = calls.info(INFO_PATIENCE);
      journal.commit(
          self,
          "",
          new Event.ShimStarted(
              ShimStartedPayload.newBuilder()
                  .setId(id)
                  .setProcess(identity(info))
                  .setVersion(info.version())
                  .build()));
      return new Born(id, calls);
    } catch (Refusal e) {
      journal.commit(
          self,
          "",
          new Event.ShimStartFailed(
              ShimStartFailedPayload.newBuilder().setId(id).setReason(e.sentence()).build()));
      UnrecordedShims.end(launcher.socket(id));
      Folders.removeQuietly(launcher.folder(id));
      throw e;
    }
  }

  private static ProcessIdentity identity(ShimCalls.Info info) {
    return ProcessIdentity.newBuilder()
        .setBootId(dev.retainerd.runtime.linux.ProcessIdentity.currentBootId())
        .setPid(info.pid())
        .setStartTimeTicks(info.startTimeTicks())
        .build();
  }

  /** A second line to a shim that lives. */
  ShimCalls connect(ShimEntry shim) {
    return connector.connect(Path.of(shim.getAddress()));
  }

  /** Ends a process that is to be ended already by the state, and what was never recorded of it. */
  void discard(ShimEntry shim, String reason) {
    end(shim);
    if (shim.getPhase() != ShimPhase.SHIM_PHASE_LOST) {
      journal.commit(
          self,
          "",
          new Event.ShimLost(
              ShimLostPayload.newBuilder().setId(shim.getId()).setReason(reason).build()));
    }
    stopped(shim.getId());
  }

  /** Records the end of a shim in which nothing lives. */
  void stopped(String id) {
    journal.commit(
        self, "", new Event.ShimStopped(ShimStoppedPayload.newBuilder().setId(id).build()));
    Folders.removeQuietly(launcher.folder(id));
  }

  /**
   * Kills the shim's process, if it runs, and waits until it has let go of everything: two shims
   * must never hold one container.
   *
   * @throws Refusal UNAVAILABLE where it does not die
   */
  void end(ShimEntry shim) {
    if (shim.getProcess().getPid() == 0) {
      // Its daemon died between starting and recording it: it may live, unknown to the state.
      UnrecordedShims.end(Path.of(shim.getAddress()));
      return;
    }
    dev.retainerd.runtime.linux.ProcessIdentity process = identity(shim);
    long deadline = System.nanoTime() + DEATH_MILLIS * 1_000_000;
    try {
      Processes.signal(process, Processes.SIGKILL);
      while (dev.retainerd.runtime.linux.ProcessIdentity.isSame(process) && holds(process.pid())) {
        if (System.nanoTime() > deadline) {
          throw Refusal.unavailable(
              "shim "
                  + shim.getId()
                  + " (pid "
                  + process.pid()
                  + ") does not die of SIGKILL: it hangs in the kernel, and its containers stay"
                  + " with it");
        }
        Thread.sleep(POLL_MILLIS);
      }
    } catch (IOException e) {
      throw Refusal.unavailable("shim " + shim.getId() + " cannot be ended: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the end of shim " + shim.getId() + " was not waited for");
    }
  }

  /** A zombie with threads left, or a process that is none yet, may still hold files. */
  private static boolean holds(int pid) throws IOException {
    File[] threads = new File("/proc/" + pid + "/task").listFiles();
    boolean several = threads != null && threads.length > 1;
    return several
        || dev.retainerd.runtime.linux.ProcessIdentity.of(pid)
            .map(ShimBirths::runs)
            .orElse(Boolean.FALSE);
  }

  private static boolean runs(dev.retainerd.runtime.linux.ProcessIdentity process) {
    try {
      return dev.retainerd.runtime.linux.ProcessIdentity.isRunning(process);
    } catch (IOException e) {
      return true;
    }
  }

  /** A shim whose start was cut short has no recorded identity: it is not one that may be used. */
  static boolean isRunning(ShimEntry shim) {
    try {
      return shim.getProcess().getPid() > 0
          && dev.retainerd.runtime.linux.ProcessIdentity.isRunning(identity(shim));
    } catch (IOException e) {
      throw Refusal.unavailable("/proc cannot be read: " + e.getMessage());
    }
  }

  /** Whether its process is gone, now or soon: the kernel tells nobody who is not its parent. */
  static boolean endsWithin(ShimEntry shim, Duration patience) {
    long deadline = System.nanoTime() + patience.toNanos();
    while (isRunning(shim)) {
      if (System.nanoTime() - deadline >= 0) {
        return false;
      }
      LockSupport.parkNanos(LOOK_NANOS);
    }
    return true;
  }

  private static dev.retainerd.runtime.linux.ProcessIdentity identity(ShimEntry shim) {
    ProcessIdentity process = shim.getProcess();
    return new dev.retainerd.runtime.linux.ProcessIdentity(
        process.getBootId(), process.getPid(), process.getStartTimeTicks());
  }
}
