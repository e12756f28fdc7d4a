package dev.retainerd.shim.container;

import dev.retainerd.shim.posix.DescriptorQueue;
import dev.retainerd.shim.posix.Errno;
import dev.retainerd.shim.posix.ExitEvents;
import dev.retainerd.shim.posix.Pidfd;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.process.Reaper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A process that sleeps, and by that keeps in the kernel what must outlive daemon and shim
 * together: the reading ends of output pipes (without a reader the last bytes of a container that
 * ends go with it), the masters of terminals (without which the kernel hangs up), and a socket that
 * remembers when and how watched processes end. It has a {@link DescriptorQueue} as its 0 and 1 and
 * {@link ExitEvents} as its 2; a successor fetches all three out of it. Thread-safe.
 */
final class Keeper {
  /** With the folder of the process it was started for: one that was never recorded is found so. */
  private static final String MARK = "RETAIN_KEEPS_FOR=";

  private static final List<Path> SLEEPERS =
      List.of(Path.of("/usr/bin/sleep"), Path.of("/bin/sleep"), Path.of("/usr/local/bin/sleep"));
  private static final String AS_LONG_AS_IT_TAKES = "2147483647";

  /** So much may lie in the queue unwanted; each removal walks the whole queue. */
  private static final int UNWANTED_MAX = 64;

  private static final int ENDS_MAX = 4096;

  private final int pid;
  private final long startTicks;
  private final DescriptorQueue queue;

  /** Null where this kernel has none. */
  private final ExitEvents events;

  /** Whether ends are of interest: those of its own children this shim sees itself. */
  private final boolean remembers;

  /** The names of what is in the queue and wanted. */
  private final Set<String> names = new HashSet<>();

  private int unwanted;
  private boolean closed;
  private final Set<Integer> watched = new LinkedHashSet<>();
  private final Map<Integer, ExitEvents.End> ends = new LinkedHashMap<>();

  private Keeper(
      int pid, long startTicks, DescriptorQueue queue, ExitEvents events, boolean remembers) {
    this.remembers = remembers;
    this.pid = pid;
    this.startTicks = startTicks;
    this.queue = queue;
    this.events = events;
  }

  /**
   * Starts one.
   *
   * @param folder of the process that it is started for
   * @throws PosixException where this host has no program for it, or it cannot be started
   */
  static Keeper start(Reaper reaper, Path folder) throws PosixException {
    String program =
        SLEEPERS.stream()
            .filter(Files::isExecutable)
            .findFirst()
            .orElseThrow(() -> new PosixException("this host has no sleep(1)", Errno.ENOENT))
            .toString();
    DescriptorQueue queue = DescriptorQueue.make();
    ExitEvents events = openEvents();
    int none = -1;
    try {
      none = events == null ? Posix.open("/dev/null", Posix.O_RDWR, 0) : -1;
      int pid =
          reaper.spawn(
              new Processes.Command(
                  program,
                  List.of("sleep", AS_LONG_AS_IT_TAKES),
                  List.of(MARK + folder),
                  "/",
                  queue.out(),
                  queue.in(),
                  events == null ? none : events.descriptor(),
                  true),
              (status, atNanos) -> {});
      Processes.Stat stat = Processes.stat(pid);
      return new Keeper(pid, stat == null ? 0 : stat.startTicks(), queue, events, false);
    } catch (PosixException e) {
      queue.close();
      if (events != null) {
        events.close();
      }
      throw e;
    } finally {
      Posix.close(none);
    }
  }

  private static ExitEvents openEvents() {
    try {
      return ExitEvents.open();
    } catch (PosixException e) {
      // Without them only the time of an end that nobody of ours sees is unknown.
      return null;
    }
  }

  /**
   * Opens one that another shim has started.
   *
   * @throws PosixException where it does not live any more
   */
  static Keeper open(int pid, long startTicks) throws PosixException {
    int handle = Pidfd.open(pid);
    int[] copies = {-1, -1, -1};
    try {
      Processes.Stat stat = Processes.stat(pid);
      if (stat == null || stat.startTicks() != startTicks || stat.state() == 'Z') {
        throw new PosixException("keeper " + pid + " is gone", Errno.ESRCH);
      }
      for (int i = 0; i < copies.length; i++) {
        copies[i] = Pidfd.copyDescriptor(handle, i);
        if (copies[i] < 0) {
          throw new PosixException("keeper " + pid + " gives nothing", -copies[i]);
        }
      }
      if (!isSocket(pid, 0)) {
        throw new PosixException("process " + pid + " is no keeper of this kind", Errno.EINVAL);
      }
      ExitEvents events = isSocket(pid, 2) ? new ExitEvents(copies[2]) : null;
      Keeper keeper =
          new Keeper(pid, startTicks, new DescriptorQueue(copies[0], copies[1]), events, true);
      keeper.names.addAll(keeper.queue.names());
      keeper.takeEnds();
      return keeper;
    } catch (PosixException e) {
      for (int copy : copies) {
        Posix.close(copy);
      }
      throw e;
    } finally {
      Posix.close(handle);
    }
  }

  private static boolean isSocket(int pid, int descriptor) {
    try {
      Path link = Path.of("/proc/" + pid + "/fd/" + descriptor);
      return Files.readSymbolicLink(link).toString().startsWith("socket:");
    } catch (IOException e) {
      return false;
    }
  }

  /** Those that were started for that process. */
  static List<Processes.Stat> startedFor(Path folder) {
    return Processes.withEnvironment(MARK + folder);
  }

  int pid() {
    return pid;
  }

  long startTicks() {
    return startTicks;
  }

  /** -1 where there are no events to wait for. */
  int eventsDescriptor() {
    return events == null ? -1 : events.descriptor();
  }

  /** Keeps a duplicate, unless it has one of that name. */
  synchronized void hold(String name, int descriptor) throws PosixException {
    if (closed) {
      throw new PosixException("keeper " + pid + " is gone", Errno.ESRCH);
    }
    if (!names.contains(name)) {
      queue.put(name, descriptor);
      names.add(name);
    }
  }

  /** A duplicate, or -1 where it has none of that name. */
  synchronized int fetch(String name) {
    return !closed && names.contains(name) ? queue.get(name) : -1;
  }

  /**
   * Lets go of all whose names begin so.
   *
   * @param atOnce or some time later
   */
  synchronized void release(String prefix, boolean atOnce) {
    int before = names.size();
    names.removeIf(name -> name.startsWith(prefix));
    unwanted += before - names.size();
    if (!closed && (unwanted > UNWANTED_MAX || atOnce && unwanted > 0)) {
      try {
        queue.retain(names::contains);
        unwanted = 0;
      } catch (PosixException e) {
        System.err.println("keeper " + pid + " holds more than it should: " + e.getMessage());
      }
    }
  }

  /** Forgets what processes have left whose folders are gone; whether nothing is held then. */
  synchronized boolean isEmpty() {
    names.removeIf(name -> !Files.exists(Path.of(name).getParent()));
    return names.isEmpty();
  }

  /** Remembers that process's end from now on. */
  synchronized void watch(int process) {
    if (events != null && !closed && watched.add(process)) {
      try {
        events.watch(watched);
      } catch (PosixException e) {
        System.err.println("the end of process " + process + " is not watched: " + e.getMessage());
      }
    }
  }

  /** Its end is known; a later process may have its pid. */
  synchronized void forget(int process) {
    watched.remove(process);
    ends.remove(process);
  }

  /** Takes in what the kernel has told. */
  synchronized void takeEnds() {
    if (events == null || closed) {
      return;
    }
    for (ExitEvents.End end : events.take()) {
      if (remembers && ends.size() < ENDS_MAX) {
        // The first is the one that was watched; a later one is of a pid that came again.
        ends.putIfAbsent(end.pid(), end);
      }
    }
  }

  /** How a process ended, as the kernel told it; null where it did not. */
  synchronized ExitEvents.End endOf(int process) {
    takeEnds();
    return ends.get(process);
  }

  /** Ends it. */
  void kill() {
    Processes.Stat stat = Processes.stat(pid);
    if (stat != null && stat.startTicks() == startTicks) {
      Processes.signal(pid, Processes.SIGKILL);
    }
  }

  /** Closes what is ours of it. */
  synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    queue.close();
    if (events != null) {
      events.close();
    }
  }
}
