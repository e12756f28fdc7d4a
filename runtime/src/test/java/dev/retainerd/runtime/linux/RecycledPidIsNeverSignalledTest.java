package dev.retainerd.runtime.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A real pid is made to come back by the kernel's own counter, then the old owner is signalled. */
@Tag("real")
class RecycledPidIsNeverSignalledTest {
  private static final Path LAST_PID = Path.of("/proc/sys/kernel/ns_last_pid");
  private static final int MOST_ATTEMPTS = 200;

  @Test
  void aStrangerWithTheOldPidIsLeftAlone() throws Exception {
    Process old = new ProcessBuilder("sleep", "60").start();
    ProcessIdentity identity = ProcessIdentity.of((int) old.pid()).orElseThrow();
    old.destroyForcibly();
    assertTrue(old.waitFor(10, TimeUnit.SECONDS));

    awaitLaterTick(identity);
    Process stranger = startWithPid(identity.pid());
    try {
      assertEquals(identity.pid(), stranger.pid(), "the pid did not come back");
      assertFalse(Processes.signal(identity, Processes.SIGKILL));
      assertFalse(stranger.waitFor(200, TimeUnit.MILLISECONDS), "the stranger was killed");
      assertFalse(ProcessIdentity.isSame(identity));
    } finally {
      stranger.destroyForcibly();
    }
  }

  /**
   * A start time has the grain of a clock tick: no pid comes back within the one it was given in.
   */
  private static void awaitLaterTick(ProcessIdentity identity) throws Exception {
    long ticks = identity.startTimeTicks();
    while (ticks == identity.startTimeTicks()) {
      Process probe = new ProcessBuilder("sleep", "60").start();
      ticks = ProcessIdentity.of((int) probe.pid()).orElseThrow().startTimeTicks();
      probe.destroyForcibly().waitFor();
    }
  }

  private static Process startWithPid(int pid) throws Exception {
    for (int i = 0; ; i++) {
      Files.writeString(LAST_PID, Integer.toString(pid - 1));
      Process process = new ProcessBuilder("sleep", "60").start();
      if (process.pid() == pid || i == MOST_ATTEMPTS) {
        return process;
      }
      process.destroyForcibly().waitFor();
    }
  }
}
