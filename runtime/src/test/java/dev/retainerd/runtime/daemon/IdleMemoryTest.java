package dev.retainerd.runtime.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.program.Program;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** In a JVM of its own, with the flags that ./build gives the daemon's. */
class IdleMemoryTest {
  private static final Pattern OF_HEAP =
      Pattern.compile("-(Xm[sx]\\w+|XX:[+-]ShrinkHeapInSteps|XX:M\\w+HeapFreeRatio=\\d+)");
  private static final long MIB = 1 << 20;

  /** Grows the heap as a pull does, then says its size before and after, and what is next. */
  static final class Grown {
    public static void main(String[] arguments) {
      List<byte[]> held = new ArrayList<>();
      for (int i = 0; i < 180; i++) {
        held.add(new byte[(int) MIB]);
      }
      long before = Runtime.getRuntime().totalMemory();
      held.clear();
      long next = IdleMemory.shrinkHeap(64 * MIB);
      System.out.println(before + " " + Runtime.getRuntime().totalMemory() + " " + next);
    }
  }

  @Test
  void aHeapThatABurstHasGrownIsGivenBack() throws Exception {
    String build = Files.readString(Path.of("..", "build"));
    String flags =
        build.lines().filter(line -> line.startsWith("DAEMON_FLAGS=")).findFirst().orElseThrow();
    List<String> heap = new ArrayList<>(List.of("-XX:+UseSerialGC"));
    OF_HEAP.matcher(flags).results().forEach(flag -> heap.add(flag.group()));
    assertEquals(6, heap.size(), heap.toString());
    Program.Output output = new Program(Program.java(heap, Grown.class)).run(60);
    String said = output.out();
    assertEquals(0, output.code(), said + output.err());
    List<Long> sizes =
        said.lines().reduce((a, b) -> b).stream()
            .flatMap(line -> List.of(line.split(" ")).stream())
            .map(Long::valueOf)
            .toList();
    assertTrue(sizes.get(0) > 180 * MIB, said);
    assertTrue(sizes.get(1) < 64 * MIB, said);
    assertEquals(64 * MIB, sizes.get(2), said);
  }
}
