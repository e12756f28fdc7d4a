package dev.retainerd.shim.posix;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Making, signalling, identifying and reaping processes. Thread-safe. */
public final class Processes {
  public static final int SIGKILL = 9;
  public static final int SIGHUP = 1;
  public static final int SIGPIPE = 13;

  private static final int P_ALL = 0;
  private static final int WEXITED = 4;
  private static final int WNOWAIT = 0x01000000;
  private static final int PR_SET_CHILD_SUBREAPER = 36;
  private static final int SPAWN_SETSIGDEF = 4;
  private static final int SPAWN_SETSIGMASK = 8;
  private static final int SPAWN_SETSID = 128;
  private static final int SIGSET_BYTES = 128;

  private static final long WAITID = Native.symbol("waitid");
  private static final long WAIT4 = Native.symbol("wait4");
  private static final long KILL = Native.symbol("kill");
  private static final long PRCTL = Native.symbol("prctl");
  private static final long SETSID = Native.symbol("setsid");
  private static final long CHDIR = Native.symbol("chdir");
  private static final long SIGNAL = Native.symbol("signal");
  private static final long SPAWN = Native.symbol("posix_spawn");
  private static final long ACTIONS_INIT = Native.symbol("posix_spawn_file_actions_init");
  private static final long ACTIONS_DESTROY = Native.symbol("posix_spawn_file_actions_destroy");
  private static final long ACTIONS_DUP2 = Native.symbol("posix_spawn_file_actions_adddup2");
  private static final long ACTIONS_CHDIR = Native.symbol("posix_spawn_file_actions_addchdir_np");
  private static final long ACTIONS_CLOSEFROM =
      Native.symbol("posix_spawn_file_actions_addclosefrom_np");
  private static final long ATTR_INIT = Native.symbol("posix_spawnattr_init");
  private static final long ATTR_DESTROY = Native.symbol("posix_spawnattr_destroy");
  private static final long ATTR_FLAGS = Native.symbol("posix_spawnattr_setflags");
  private static final long ATTR_SIGDEF = Native.symbol("posix_spawnattr_setsigdefault");
  private static final long ATTR_SIGMASK = Native.symbol("posix_spawnattr_setsigmask");

  private Processes() {}

  /**
   * What to start.
   *
   * @param program an absolute path
   * @param stdin, stdout, stderr descriptors of ours that the child gets as 0, 1 and 2; no other
   *     descriptor reaches it
   * @param newSession whether it leads a session of its own
   */
  public record Command(
      String program,
      List<String> arguments,
      List<String> environment,
      String folder,
      int stdin,
      int stdout,
      int stderr,
      boolean newSession) {}

  /** Starts a process with all signals at their defaults and answers its pid. */
  public static int spawn(Command command) throws PosixException {
    long actions = Native.allocate(256);
    long attributes = Native.allocate(512);
    long signals = Native.allocate(SIGSET_BYTES);
    long program = Native.string(command.program());
    long folder = Native.string(command.folder());
    long arguments = Native.strings(command.arguments());
    long environment = Native.strings(command.environment());
    long pid = Native.allocate(8);
    Native.call(ACTIONS_INIT, actions);
    Native.call(ATTR_INIT, attributes);
    try {
      // The mask stays empty; then every signal but none goes back to its default.
      Native.call(ATTR_SIGMASK, attributes, signals);
      for (int i = 0; i < 8; i++) {
        Native.MEMORY.putByte(signals + i, (byte) 0xff);
      }
      Native.call(ATTR_SIGDEF, attributes, signals);
      long flags = SPAWN_SETSIGDEF | SPAWN_SETSIGMASK | (command.newSession() ? SPAWN_SETSID : 0);
      Native.call(ATTR_FLAGS, attributes, flags);
      Native.call(ACTIONS_DUP2, actions, command.stdin(), 0);
      Native.call(ACTIONS_DUP2, actions, command.stdout(), 1);
      Native.call(ACTIONS_DUP2, actions, command.stderr(), 2);
      Native.call(ACTIONS_CLOSEFROM, actions, 3);
      Native.call(ACTIONS_CHDIR, actions, folder);
      int error =
          (int) Native.call(SPAWN, pid, program, actions, attributes, arguments, environment);
      if (error != 0) {
        throw new PosixException(
            "cannot start " + command.program() + " in " + command.folder(), error);
      }
      return Native.MEMORY.getInt(pid);
    } finally {
      Native.call(ACTIONS_DESTROY, actions);
      Native.call(ATTR_DESTROY, attributes);
      for (long block :
          new long[] {actions, attributes, signals, program, folder, arguments, environment, pid}) {
        Native.free(block);
      }
    }
  }

  /**
   * A child that has ended and is not reaped.
   *
   * @param status 0..255; 128 + signal when a signal ended it
   */
  public record Ended(int pid, int status) {}

  /** Waits for a child to end without reaping it; null when there is no child at all. */
  public static Ended awaitEnded() throws PosixException {
    long info = Native.allocate(128);
    try {
      while ((int) Native.call(WAITID, P_ALL, 0, info, WEXITED | WNOWAIT, 0) < 0) {
        int errno = Native.errno();
        if (errno == Errno.ECHILD) {
          return null;
        }
        if (errno != Errno.EINTR) {
          throw new PosixException("cannot wait for children", errno);
        }
      }
      int code = Native.MEMORY.getInt(info + 8);
      int status = Native.MEMORY.getInt(info + 24);
      // CLD_EXITED = 1; CLD_KILLED and CLD_DUMPED carry the signal.
      return new Ended(Native.MEMORY.getInt(info + 16), code == 1 ? status & 0xff : 128 + status);
    } finally {
      Native.free(info);
    }
  }

  /** Takes an ended child from the process table. */
  public static void reap(int pid) {
    Native.call(WAIT4, pid, 0, 1, 0);
  }

  /** Sends a signal; 0 or a negative errno. */
  public static int signal(int pid, int signal) {
    return (int) Native.call(KILL, pid, signal) < 0 ? -Native.errno() : 0;
  }

  public static void becomeSubreaper() throws PosixException {
    Posix.check(
        "cannot become a subreaper", Native.call(PRCTL, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
  }

  /** Leaves the session of whoever started us; the leader of a group is left as it is. */
  public static void leaveSession() {
    Native.call(SETSID);
  }

  public static void changeFolder(String folder) throws PosixException {
    long name = Native.string(folder);
    try {
      Posix.check("cannot go to " + folder, Native.call(CHDIR, name));
    } finally {
      Native.free(name);
    }
  }

  public static void ignore(int signal) {
    Native.call(SIGNAL, signal, 1);
  }

  /**
   * What the kernel says of a process.
   *
   * @param state Z for a zombie
   * @param startTicks clock ticks since boot
   * @param exitCode as wait gives it; only readable by root, and only of a zombie
   */
  public record Stat(int pid, char state, long startTicks, int exitCode) {}

  /** Null when there is no such process. */
  public static Stat stat(int pid) {
    try {
      String line =
          new String(
              Files.readAllBytes(Path.of("/proc/" + pid + "/stat")), StandardCharsets.ISO_8859_1);
      int end = line.lastIndexOf(')');
      String[] fields = line.substring(end + 2).trim().split(" ");
      // fields[0] is field 3 of proc(5).
      int exitCode = fields.length > 49 ? Integer.parseInt(fields[49]) : 0;
      return new Stat(pid, fields[0].charAt(0), Long.parseLong(fields[19]), exitCode);
    } catch (IOException | RuntimeException e) {
      return null;
    }
  }

  /** Whether there is such a process, and it has not ended. */
  public static boolean isAlive(int pid) {
    Stat stat = stat(pid);
    return stat != null && stat.state() != 'Z';
  }

  /** The processes that were started with that in their environment. */
  public static List<Stat> withEnvironment(String entry) {
    List<Stat> found = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : all) {
        Stat stat = startedWith(process, entry) ? stat(numberOf(process)) : null;
        if (stat != null && stat.state() != 'Z') {
          found.add(stat);
        }
      }
    } catch (IOException e) {
      System.err.println("/proc cannot be read: " + e.getMessage());
    }
    return found;
  }

  private static int numberOf(Path process) {
    return Integer.parseInt(process.getFileName().toString());
  }

  private static boolean startedWith(Path process, String entry) {
    try {
      byte[] environment = Files.readAllBytes(process.resolve("environ"));
      return List.of(new String(environment, StandardCharsets.UTF_8).split("\0")).contains(entry);
    } catch (IOException gone) {
      return false;
    }
  }

  /** Turns what wait(2) gives into 0..255. */
  public static int statusOf(int waitStatus) {
    int signal = waitStatus & 0x7f;
    return signal == 0 ? (waitStatus >> 8) & 0xff : 128 + signal;
  }
}
