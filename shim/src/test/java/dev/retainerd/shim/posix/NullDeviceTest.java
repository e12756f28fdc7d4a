package dev.retainerd.shim.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a runtime may do with the null device that it is handed. */
@Tag("real")
class NullDeviceTest {
  @Test
  void itReadsAndWritesAndCannotBeGivenAway() throws Exception {
    int fd = NullDevice.openGuarded(Posix.O_RDWR);
    try (NativeBuffer buffer = new NativeBuffer(8)) {
      Posix.writeAll(fd, new byte[] {1, 2, 3});
      assertEquals(0, Posix.read(fd, buffer, 0, 8));
      // To whom it belongs already: where the guard fails, nothing is changed.
      Path opened = Path.of("/proc/self/fd/" + fd);
      IOException refused =
          assertThrows(IOException.class, () -> Files.setAttribute(opened, "unix:uid", 0));
      assertTrue(refused.getMessage().contains("Read-only"), refused.getMessage());
    } finally {
      Posix.close(fd);
    }
  }
}
