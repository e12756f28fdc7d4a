package dev.retainerd.shim.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a queue of descriptors and a socket of exit events remember without being read. */
class KeptByTheKernelTest {
  @TempDir Path folder;

  private final NativeBuffer buffer = new NativeBuffer(64);

  private String read(int fd) {
    long count = Posix.read(fd, buffer, 0, 64);
    byte[] bytes = new byte[(int) Math.max(0, count)];
    buffer.get(0, bytes, 0, bytes.length);
    return new String(bytes);
  }

  /** A FIFO that nobody has open but the queue. */
  private String put(DescriptorQueue queue, int number) throws PosixException {
    String fifo = folder.resolve("fifo" + number).toString();
    Posix.makeFifo(fifo);
    int reader = Posix.open(fifo, Posix.O_RDONLY | Posix.O_NONBLOCK, 0);
    int writer = Posix.open(fifo, Posix.O_WRONLY, 0);
    Posix.writeAll(writer, ("last " + number).getBytes());
    queue.put(fifo, reader);
    Posix.close(reader);
    Posix.close(writer);
    return fifo;
  }

  @Test
  void whatIsInAPipeStaysWhileItsReadingEndIsInTheQueue() throws Exception {
    DescriptorQueue queue = DescriptorQueue.make();
    List<String> names = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      names.add(put(queue, i));
    }
    assertEquals(names, queue.names());
    int got = queue.get(names.get(321));
    assertEquals("last 321", read(got));
    Posix.close(got);
    queue.retain(name -> Integer.parseInt(name.replaceAll(".*fifo", "")) % 5 == 0);
    assertEquals(100, queue.names().size());
    assertEquals(-1, queue.get(names.get(321)));
    // By its name as well, as an adopting shim opens it.
    int opened = Posix.open(names.get(495), Posix.O_RDONLY | Posix.O_NONBLOCK, 0);
    assertEquals("last 495", read(opened));
    assertEquals("", read(opened));
    Posix.close(opened);
    queue.close();
    int lost = Posix.open(names.get(0), Posix.O_RDONLY | Posix.O_NONBLOCK, 0);
    assertEquals("", read(lost));
    Posix.close(lost);
  }

  @Test
  @Tag("real")
  void endsOfWatchedProcessesAreToldWithTimeAndStatus() throws Exception {
    ExitEvents events = ExitEvents.open();
    Process stranger = new ProcessBuilder("sh", "-c", "exit 1").start();
    Process first = new ProcessBuilder("sh", "-c", "read x; exit 42").start();
    Process second = new ProcessBuilder("sh", "-c", "read x; exit 43").start();
    events.watch(List.of((int) first.pid(), (int) second.pid()));
    assertEquals(1, stranger.waitFor());
    long before = System.nanoTime();
    first.getOutputStream().close();
    assertEquals(42, first.waitFor());
    long between = System.nanoTime();
    second.destroyForcibly();
    assertEquals(137, second.waitFor());
    List<ExitEvents.End> ends = events.take();
    assertEquals(2, ends.size(), ends.toString());
    assertEquals(first.pid(), ends.get(0).pid());
    assertEquals(42, Processes.statusOf(ends.get(0).waitStatus()));
    assertTrue(ends.get(0).atNanoTime() > before && ends.get(0).atNanoTime() < between);
    assertEquals(137, Processes.statusOf(ends.get(1).waitStatus()));
    assertTrue(ends.get(1).atNanoTime() > between);
    events.close();
  }
}
