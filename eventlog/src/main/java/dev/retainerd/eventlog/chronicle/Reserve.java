package dev.retainerd.eventlog.chronicle;

import dev.retainerd.eventlog.EventLogException;
import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Disk space behind the end of a record file, taken before it is needed. Writing to a mapped page
 * for which the disk has no block kills the process, so no record may go where no block is yet.
 *
 * <p>A thread of its own writes zeros ahead of the appender, a piece at a time, and forces them, so
 * that a commit's force has only the commit's bytes to write. One thread claims, any may ask.
 */
final class Reserve implements Closeable {
  private static final int PIECE_BYTES = 1 << 20;

  /** Small, since it stays in memory; a write of more is cut into as much by the JDK anyway. */
  private static final byte[] ZEROS = new byte[64 << 10];

  private static final long RETRY_SECONDS = 2;

  /** A disk with less than this left is full: nothing new should begin. */
  private static final long FULL_BYTES = 4 << 20;

  private final RandomAccessFile file;
  private final File store;
  private final long aheadBytes;
  private final long start;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition wanted = lock.newCondition();
  private final Thread thread;
  private volatile long blocksTo;
  private volatile long claimed;
  private volatile boolean low;
  private boolean closed;

  /**
   * Takes the first piece at once, and the rest once something is claimed: until then what the
   * writer before has given back is there for others who have to open their files on a full disk.
   *
   * @param from zeros are written from here on, so nothing may stand behind it
   * @param aheadBytes how much is kept ahead of what is claimed
   */
  Reserve(Path path, long from, long aheadBytes) throws IOException {
    // Not a channel, which an interrupt of the journal's thread would close.
    this.file = new RandomAccessFile(path.toFile(), "rw");
    this.store = path.toFile();
    this.aheadBytes = aheadBytes;
    this.blocksTo = from;
    this.claimed = from;
    this.start = from;
    // What lies before was written through the map: give it blocks by writing it as it is.
    touch(0, from);
    extend();
    this.thread = Thread.ofPlatform().daemon().name("log-reserve").start(this::run);
  }

  private void touch(long from, long to) throws IOException {
    byte[] bytes = new byte[(int) (to - from)];
    file.seek(from);
    int at = 0;
    for (int n = 0; n >= 0 && at < bytes.length; n = file.read(bytes, at, bytes.length - at)) {
      at += n;
    }
    file.seek(from);
    file.write(bytes);
  }

  /**
   * Makes sure that there are blocks up to {@code end}.
   *
   * @throws EventLogException where the disk is full
   */
  void claim(long end) {
    boolean first = claimed == start;
    claimed = end;
    if (first || blocksTo - end < aheadBytes / 2) {
      lock.lock();
      try {
        wanted.signal();
        while (blocksTo < end) {
          extend();
        }
      } catch (IOException e) {
        throw new EventLogException(
            "the disk has no space left for the event log; free some, removals still work", e);
      } finally {
        lock.unlock();
      }
    }
  }

  long aheadOf(long end) {
    return Math.max(0, blocksTo - end);
  }

  /** Whether the disk has no more to give, though the reserve may still be whole. */
  boolean low() {
    return low || store.getUsableSpace() < FULL_BYTES;
  }

  private void run() {
    lock.lock();
    try {
      while (!closed) {
        if (claimed == start || blocksTo - claimed >= aheadBytes) {
          low = false;
          wanted.awaitUninterruptibly();
          continue;
        }
        long piece = blocksTo;
        try {
          extend();
          lock.unlock();
          try {
            file.getFD().sync();
          } finally {
            lock.lock();
          }
        } catch (IOException e) {
          low = blocksTo == piece;
          if (!closed) {
            pause();
          }
        }
      }
    } finally {
      lock.unlock();
    }
  }

  private void pause() {
    try {
      wanted.await(RETRY_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      closed = true;
    }
  }

  /** One piece more. Under the lock, or before the thread starts. */
  private void extend() throws IOException {
    file.seek(blocksTo);
    for (int written = 0; written < PIECE_BYTES; written += ZEROS.length) {
      file.write(ZEROS);
    }
    blocksTo += PIECE_BYTES;
  }

  @Override
  public void close() throws IOException {
    lock.lock();
    try {
      closed = true;
      wanted.signal();
    } finally {
      lock.unlock();
    }
    try {
      thread.join(TimeUnit.SECONDS.toMillis(10));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    file.close();
  }
}
