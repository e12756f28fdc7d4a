package dev.retainerd.shim.container;

import dev.retainerd.shim.posix.Pidfd;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.process.Reaper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A process that sleeps and holds a terminal's master as its stdin. A master has no name to open it
 * by; when daemon and shim die together nobody else would hold it, and the kernel would hang up the
 * container. A successor fetches a duplicate out of the sleeper. Thread-safe.
 *
 * @param pid 0 where there is none
 * @param startTicks of that process, in clock ticks since boot
 */
record TerminalKeeper(int pid, long startTicks) {
  static final TerminalKeeper NONE = new TerminalKeeper(0, 0);

  /** Names the folder of the process whose terminal is kept, for finding one never recorded. */
  private static final String MARK = "RETAIN_KEEPS_TERMINAL_OF=";

  private static final List<String> SLEEPERS =
      List.of("/usr/bin/sleep", "/bin/sleep", "/usr/local/bin/sleep");
  private static final String AS_LONG_AS_IT_TAKES = "2147483647";

  /** Starts one; {@link #NONE} where the host has no program for it, which costs only safety. */
  static TerminalKeeper start(Reaper reaper, int master, Path folder) {
    int none = -1;
    try {
      for (String sleeper : SLEEPERS) {
        if (!Files.isExecutable(Path.of(sleeper))) {
          continue;
        }
        none = none < 0 ? Posix.open("/dev/null", Posix.O_RDWR, 0) : none;
        int pid =
            reaper.spawn(
                new Processes.Command(
                    sleeper,
                    List.of("sleep", AS_LONG_AS_IT_TAKES),
                    List.of(MARK + folder),
                    "/",
                    master,
                    none,
                    none,
                    true),
                (status, atNanos) -> {});
        Processes.Stat stat = Processes.stat(pid);
        return new TerminalKeeper(pid, stat == null ? 0 : stat.startTicks());
      }
    } catch (PosixException e) {
      System.err.println("the terminal of " + folder + " has no keeper: " + e.getMessage());
    } finally {
      Posix.close(none);
    }
    return NONE;
  }

  private boolean lives() {
    Processes.Stat stat = pid == 0 ? null : Processes.stat(pid);
    return stat != null && stat.startTicks() == startTicks && stat.state() != 'Z';
  }

  /** A duplicate of the master, or -1 where it is not to be had any more. */
  int fetch() {
    if (!lives()) {
      return -1;
    }
    int handle = -1;
    try {
      handle = Pidfd.open(pid);
      return lives() ? Pidfd.copyDescriptor(handle, 0) : -1;
    } catch (PosixException e) {
      return -1;
    } finally {
      Posix.close(handle);
    }
  }

  /** Lets go of the terminal; idempotent. */
  void end() {
    if (lives()) {
      Processes.signal(pid, Processes.SIGKILL);
    }
  }

  /** Ends those of a process whose shim died before it could record them. */
  static void endUnrecorded(Path folder) {
    String mark = MARK + folder;
    try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : all) {
        if (keeps(process, mark)) {
          Processes.signal(Integer.parseInt(process.getFileName().toString()), Processes.SIGKILL);
        }
      }
    } catch (IOException e) {
      System.err.println("/proc cannot be read: " + e.getMessage());
    }
  }

  private static boolean keeps(Path process, String mark) {
    try {
      byte[] environment = Files.readAllBytes(process.resolve("environ"));
      return List.of(new String(environment, StandardCharsets.UTF_8).split("\0")).contains(mark);
    } catch (IOException gone) {
      return false;
    }
  }
}
