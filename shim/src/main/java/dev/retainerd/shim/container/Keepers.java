package dev.retainerd.shim.container;

import dev.retainerd.shim.output.EventLoop;
import dev.retainerd.shim.posix.Epoll;
import dev.retainerd.shim.posix.Pidfd;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.process.Reaper;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The keepers that this shim's processes have: one of its own for those it makes, started with the
 * first and ended some seconds after the last, and those that it has inherited with adopted ones.
 * One that dies is replaced. Thread-safe.
 */
final class Keepers {
  /** Whose process is kept. */
  interface Kept {
    /** Its folder, by which its descriptors are named. */
    Path folder();

    /** Its keeper is dead: it is to join another one. On a thread that may wait. */
    void lostKeeper();
  }

  private static final class Known {
    final Keeper keeper;
    final Map<Path, Kept> users = new HashMap<>();
    int handle = -1;
    boolean isJudged;

    Known(Keeper keeper) {
      this.keeper = keeper;
    }
  }

  private static final long LINGER_MILLIS = 5_000;

  private final Reaper reaper;
  private final EventLoop loop;
  private final Map<Integer, Known> all = new HashMap<>();

  /** Null before the first process and after the last. */
  private Known own;

  private boolean complained;

  Keepers(Reaper reaper, EventLoop loop) {
    this.reaper = reaper;
    this.loop = loop;
  }

  /** The keeper of a new process; null where there is none, which costs only safety. */
  synchronized Keeper join(Kept process) {
    if (own == null) {
      try {
        own = know(Keeper.start(reaper, process.folder()));
      } catch (PosixException e) {
        if (!complained) {
          complained = true;
          System.err.println("nobody keeps what this shim holds: " + e.getMessage());
        }
        return null;
      }
    }
    own.users.put(process.folder(), process);
    return own.keeper;
  }

  /** The keeper that a process had with its former shim; null where it is gone. */
  synchronized Keeper rejoin(Kept process, int pid, long startTicks) {
    Known known = all.get(pid);
    if (known == null && pid > 0) {
      try {
        known = know(Keeper.open(pid, startTicks));
      } catch (PosixException e) {
        return null;
      }
    }
    if (known == null || known.keeper.startTicks() != startTicks) {
      return null;
    }
    known.users.put(process.folder(), process);
    return known.keeper;
  }

  private Known know(Keeper keeper) throws PosixException {
    Known known = new Known(keeper);
    known.handle = Pidfd.open(keeper.pid());
    all.put(keeper.pid(), known);
    int events = keeper.eventsDescriptor();
    loop.submit(
        () -> {
          watch(known.handle, () -> new Thread(() -> lost(known), "keeper-lost").start());
          if (events >= 0) {
            watch(events, keeper::takeEnds);
          }
        });
    return known;
  }

  private void watch(int descriptor, Runnable action) {
    try {
      loop.watch(descriptor, Epoll.IN, ready -> action.run());
    } catch (PosixException e) {
      System.err.println("a keeper is not watched: " + e.getMessage());
    }
  }

  /** Takes it off the list; false where it is off already. */
  private synchronized boolean drop(Known known) {
    if (all.remove(known.keeper.pid()) == null) {
      return false;
    }
    own = own == known ? null : own;
    int handle = known.handle;
    int events = known.keeper.eventsDescriptor();
    loop.submit(
        () -> {
          loop.forget(handle);
          loop.forget(events);
          Posix.close(handle);
          known.keeper.close();
        });
    return true;
  }

  private void lost(Known known) {
    if (drop(known)) {
      Map<Path, Kept> users;
      synchronized (this) {
        users = new HashMap<>(known.users);
      }
      users.values().forEach(Kept::lostKeeper);
    }
  }

  /** The process is gone, and what was held for it; a keeper that holds nothing more ends. */
  synchronized void leave(Kept process, Keeper keeper) {
    keeper.release(process.folder() + "/", false);
    Known known = all.get(keeper.pid());
    if (known != null && known.keeper == keeper) {
      known.users.remove(process.folder());
      judgeLater(known);
    }
  }

  /** Where containers come and go one after the other, the next one finds it still there. */
  private void judgeLater(Known known) {
    if (known.isJudged || !known.users.isEmpty()) {
      return;
    }
    known.isJudged = true;
    Thread thread = new Thread(null, () -> judge(known), "keeper-end", 128 << 10);
    thread.setDaemon(true);
    thread.start();
  }

  private void judge(Known known) {
    try {
      Thread.sleep(LINGER_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    synchronized (this) {
      known.isJudged = false;
      endIfUseless(known);
    }
  }

  /** Ends those that hold nothing, before this shim does. */
  synchronized void endUseless() {
    List.copyOf(all.values()).forEach(this::endIfUseless);
  }

  private void endIfUseless(Known known) {
    if (known.users.isEmpty() && known.keeper.isEmpty() && drop(known)) {
      known.keeper.kill();
    }
  }

  /** Ends one that was started for a process and that no record names, unless others use it. */
  synchronized void endUnrecorded(Path folder) {
    for (Processes.Stat found : Keeper.startedFor(folder)) {
      Known known = all.get(found.pid());
      try {
        endIfUseless(known == null ? know(Keeper.open(found.pid(), found.startTicks())) : known);
      } catch (PosixException e) {
        // It has ended meanwhile.
      }
    }
  }
}
