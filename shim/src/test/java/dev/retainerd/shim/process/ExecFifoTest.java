package dev.retainerd.shim.process;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.retainerd.shim.posix.Posix;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExecFifoTest {
  @TempDir Path root;
  private ExecFifo fifo;

  @BeforeEach
  void make() throws Exception {
    fifo = new ExecFifo(root, "c");
    Files.createDirectories(fifo.path().getParent());
    Posix.makeFifo(fifo.path().toString());
  }

  /** What a reader gets, from the opening to the end. */
  private Future<byte[]> reader() {
    CompletableFuture<byte[]> read = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try (InputStream in = Files.newInputStream(fifo.path())) {
                read.complete(in.readAllBytes());
              } catch (Exception e) {
                read.completeExceptionally(e);
              }
            });
    return read;
  }

  @Test
  void aReaderForWhomNobodyComesReadsTheEnd() throws Exception {
    fifo.endWait();
    Future<byte[]> read = reader();
    // It may not have come to the FIFO yet when it is first looked for.
    assertEquals(0, awaited(read).length);
  }

  private byte[] awaited(Future<byte[]> read) throws Exception {
    for (int i = 0; i < 200; i++) {
      fifo.endWait();
      try {
        return read.get(50, TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        continue;
      }
    }
    throw new AssertionError("it waits still");
  }

  /** A reader that has the byte and no processor must not lose it: the start would be lost. */
  @Test
  void whatInitHasWrittenIsStillRead() throws Exception {
    try (RandomAccessFile init = new RandomAccessFile(fifo.path().toFile(), "rw");
        FileInputStream left = new FileInputStream(fifo.path().toFile())) {
      Future<byte[]> read = reader();
      init.write('0');
      for (int i = 0; i < 2000 && left.available() > 0; i++) {
        Thread.sleep(5);
      }
      for (int i = 0; i < 5; i++) {
        fifo.endWait();
        assertThrows(TimeoutException.class, () -> read.get(20, TimeUnit.MILLISECONDS));
      }
      init.close();
      assertArrayEquals(new byte[] {'0'}, awaited(read));
    }
  }

  @Test
  void withoutAFifoThereIsNothingToEnd() throws Exception {
    fifo.remove();
    fifo.endWait();
    assertEquals(false, fifo.exists());
  }
}
