package dev.retainerd.shim.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ColdPagesTest {
  private static final int BYTES = 4 << 20;

  /** How many KiB of a file are in this process's memory. */
  private static long residentKib(Path file) throws IOException {
    long kib = 0;
    boolean isIt = false;
    for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
      if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
        isIt = line.endsWith(file.toString());
      } else if (isIt && line.startsWith("Rss:")) {
        kib += Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    return kib;
  }

  private static long sum(MemorySegment mapped) {
    long sum = 0;
    for (long at = 0; at < BYTES; at += 4096) {
      sum += mapped.get(ValueLayout.JAVA_BYTE, at);
    }
    return sum;
  }

  @Test
  void whatWasChangedInMemoryStays(@TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("f"), new byte[BYTES]);
    try (Arena arena = Arena.ofConfined();
        FileChannel channel =
            FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      MemorySegment mapped = channel.map(MapMode.PRIVATE, 0, BYTES, arena);
      mapped.fill((byte) 1);
      ColdPages.release();
      assertEquals(BYTES / 4096, sum(mapped));
    }
  }

  @Test
  void programsThatRunAreNotHeldInMemoryByTheirStart() throws IOException {
    Path library = Path.of(System.getProperty("java.home"), "lib", "server", "libjvm.so");
    long before = residentKib(library.toRealPath());
    ColdPages.release();
    long after = residentKib(library.toRealPath());
    assertTrue(after < before, before + " KiB before and " + after + " after");
  }
}
