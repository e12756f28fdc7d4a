package dev.retainerd.runtime.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessIdentityTest {
  @TempDir Path folder;

  @Test
  void aNameOfSpacesAndParenthesesDoesNotShiftTheFields() throws IOException {
    String stat =
        "4711 (a) S 1 (b ) R 1 4711 4711 0 -1 4194560 133 0 0 0 0 0 0 0 20 0 1 0 998877 2506752 1";
    assertEquals("R", ProcessIdentity.field(stat, 3));
    assertEquals("998877", ProcessIdentity.field(stat, 22));
  }

  @Test
  void aLineThatIsTooShortIsNamed() {
    IOException e = assertThrows(IOException.class, () -> ProcessIdentity.field("1 (x) S 1", 22));
    assertTrue(e.getMessage().contains("no field 22: 1 (x) S 1"), e.getMessage());
  }

  @Test
  void aRealProcessWithAHostileNameIsRecognizedAndItsSuccessorIsNot() throws Exception {
    Path program = folder.resolve("x) Z 1 (");
    Files.createSymbolicLink(program, Path.of("/bin/sleep"));
    Process process = new ProcessBuilder(program.toString(), "60").start();
    try {
      ProcessIdentity identity = awaitName(process, "x) Z 1 (");
      assertTrue(ProcessIdentity.isSame(identity));
      assertTrue(ProcessIdentity.isRunning(identity));
      ProcessIdentity successor =
          new ProcessIdentity(identity.bootId(), identity.pid(), identity.startTimeTicks() + 1);
      assertFalse(ProcessIdentity.isSame(successor));
      assertFalse(Processes.signal(successor, Processes.SIGKILL));
      ProcessIdentity otherBoot =
          new ProcessIdentity("other", identity.pid(), identity.startTimeTicks());
      assertFalse(Processes.signal(otherBoot, Processes.SIGKILL));
      assertTrue(process.isAlive());
      assertTrue(Processes.signal(identity, Processes.SIGKILL));
      assertTrue(process.waitFor(10, TimeUnit.SECONDS));
      assertEquals(137, process.exitValue());
      assertFalse(Processes.signal(identity, Processes.SIGKILL));
      assertFalse(ProcessIdentity.isSame(identity));
    } finally {
      process.destroyForcibly();
    }
  }

  /** Between fork and exec the name is still the parent's. */
  private static ProcessIdentity awaitName(Process process, String name) throws Exception {
    Path comm = Path.of("/proc/" + process.pid() + "/comm");
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (!Files.readString(comm).trim().equals(name)) {
      assertTrue(System.nanoTime() < end, "the process never took its name");
      Thread.onSpinWait();
    }
    return ProcessIdentity.of((int) process.pid()).orElseThrow();
  }

  @Test
  void nobodyHasNoIdentity() throws IOException {
    assertTrue(ProcessIdentity.of(0).isEmpty());
    assertTrue(ProcessIdentity.of(-1).isEmpty());
    assertTrue(ProcessIdentity.of(Integer.MAX_VALUE).isEmpty());
  }
}
