package dev.retainerd.eventlog.chronicle;

import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.files.Acknowledged;
import dev.retainerd.eventlog.files.Generation;
import dev.retainerd.eventlog.files.LogFolder;
import dev.retainerd.eventlog.files.Positions;
import dev.retainerd.eventlog.files.RecordScanner;
import dev.retainerd.eventlog.files.RecordSource;
import dev.retainerd.eventlog.files.SmallFile;
import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.LocalTime;
import java.time.ZoneOffset;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.queue.ExcerptAppender;
import net.openhft.chronicle.queue.RollCycles;
import net.openhft.chronicle.queue.impl.single.SingleChronicleQueue;
import net.openhft.chronicle.queue.impl.single.SingleChronicleQueueBuilder;
import net.openhft.chronicle.wire.DocumentContext;

/**
 * Appends the records of one generation, which is always a new and empty one. One thread.
 *
 * <p>A queue is never opened a second time: its own index, metadata and lock are thus never trusted
 * after a crash. Its clock stands still, so that it keeps to one file whatever the machine's clock
 * does.
 */
final class GenerationWriter implements Closeable {
  private static final long SMALLEST_BLOCK_BYTES = 16L << 20;

  /** What one append may write beside the record: Chronicle's index pages. */
  private static final long SLACK_BYTES = 64 << 10;

  private static final int INDEX_COUNT = 512;
  private static final int INDEX_SPACING = 2048;

  static {
    // Each is read once, when Chronicle's classes are loaded.
    System.setProperty("chronicle.analytics.disable", "true");
    System.setProperty("chronicle.disk.monitor.disable", "true");
    System.setProperty("chronicle.queue.disableFileShrinking", "true");
    System.setProperty("queue.force.unlock.mode", "ALWAYS");
  }

  private final SingleChronicleQueue queue;
  private final ExcerptAppender appender;
  private final Path file;

  /** Held from the start on, so that it is told of every failed write since. */
  private final RandomAccessFile spare;

  private final Positions positions;
  private final Acknowledged acknowledged;
  private final Reserve reserve;
  private FileChannel channel;
  private long end;

  /** Makes the queue of a generation that has its start but no record yet. */
  GenerationWriter(Generation generation, int maxEventBytes, long reserveBytes) throws IOException {
    long createdMillis = generation.start().createdNanos() / 1_000_000;
    queue =
        SingleChronicleQueueBuilder.binary(generation.folder())
            .rollCycle(RollCycles.FAST_DAILY)
            .rollTime(LocalTime.MIDNIGHT, ZoneOffset.UTC)
            .timeProvider(() -> createdMillis)
            .indexCount(INDEX_COUNT)
            .indexSpacing(INDEX_SPACING)
            .blockSize(blockSize(maxEventBytes))
            .timeoutMS(500)
            .build();
    try {
      appender = queue.createAppender();
      // Opened by the thread that starts the daemon, used by the journal's alone from then on.
      appender.singleThreadedCheckDisabled(true);
      begin();
      file =
          LogFolder.recordFile(generation.folder())
              .orElseThrow(() -> new IOException("Chronicle has made no record file"));
      spare = new RandomAccessFile(file.toFile(), "rw");
      channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
      end = firstPosition(file);
      reserve = new Reserve(file, end + SLACK_BYTES, reserveBytes);
      positions = Positions.create(generation.folder());
      acknowledged = Acknowledged.create(generation.folder());
      spare.getFD().sync();
      SmallFile.forceFolder(generation.folder());
    } catch (IOException | RuntimeException e) {
      queue.close();
      throw e;
    }
  }

  private static long blockSize(int maxEventBytes) {
    long size = SMALLEST_BLOCK_BYTES;
    while (size < 8L * maxEventBytes) {
      size *= 2;
    }
    return size;
  }

  /** Lets Chronicle write its header and first index pages: a record that is taken back. */
  private void begin() {
    try (DocumentContext record = appender.writingDocument()) {
      record.rollbackOnClose();
    }
  }

  private static long firstPosition(Path file) throws IOException {
    try (RecordSource source = RecordSource.ofFile(file)) {
      RecordScanner.Found found = new RecordScanner(source, 0, Long.MAX_VALUE).next(false);
      if (found instanceof RecordScanner.End end && end.clean()) {
        return end.position();
      }
      throw new EventLogException(
          "Chronicle has made " + file + " in a form that cannot be read: " + found);
    }
  }

  /**
   * Appends one record.
   *
   * @return where the next one will start, not counting index pages
   */
  long append(long sequence, byte[] bytes) throws IOException {
    reserve.claim(end + bytes.length + SLACK_BYTES);
    long start;
    try (DocumentContext record = appender.writingDocument()) {
      Bytes<?> out = record.wire().bytes();
      start = out.writePosition();
      out.write(bytes, 0, bytes.length);
    }
    end = (start + bytes.length + 3) & -4L;
    // A record starts with its length in a word of four bytes.
    positions.offer(sequence, start - Integer.BYTES);
    return end;
  }

  /** First byte behind the last record. */
  long end() {
    return end;
  }

  /** Makes everything appended durable. */
  void force() throws IOException {
    try {
      channel.force(false);
    } catch (ClosedByInterruptException e) {
      // Whether the disk has it is not known: make sure, through a file that stays open.
      boolean interrupted = Thread.interrupted();
      spare.getFD().sync();
      channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Notes that everything up to {@code sequence} is durable. */
  void acknowledge(long sequence) throws IOException {
    acknowledged.put(sequence);
  }

  long reservedBytes() {
    return reserve.aheadOf(end);
  }

  boolean low() {
    return reserve.low();
  }

  /** Gives back the reserve that was not used. */
  @Override
  public void close() throws IOException {
    try {
      reserve.close();
      positions.close();
      acknowledged.close();
      queue.close();
    } finally {
      channel.close();
      spare.close();
    }
  }
}
