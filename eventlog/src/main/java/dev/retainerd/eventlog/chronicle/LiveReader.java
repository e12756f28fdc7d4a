package dev.retainerd.eventlog.chronicle;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.files.LogCursor;
import dev.retainerd.eventlog.files.LogEntry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** Reads the log while it is written. It reads the files, so it holds up nobody. */
final class LiveReader implements LogReader {
  private final Published published;
  private final Path folder;
  private final LogCursor cursor;
  private volatile boolean closed;

  LiveReader(Published published, Path folder, long from) {
    this.published = published;
    this.folder = folder;
    try {
      this.cursor = new LogCursor(published::generations, from, false);
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  @Override
  public Optional<Envelope> poll(Duration patience) throws InterruptedException {
    if (closed || !published.await(cursor.nextSequence(), patience.toNanos())) {
      return Optional.empty();
    }
    synchronized (cursor) {
      if (closed) {
        return Optional.empty();
      }
      return read();
    }
  }

  private Optional<Envelope> read() {
    try {
      while (true) {
        Optional<LogEntry> entry = cursor.next();
        if (entry.isEmpty()) {
          return Optional.empty();
        }
        switch (entry.get()) {
          case LogEntry.Good good -> {
            return Optional.of(good.envelope());
          }
          case LogEntry.Lost lost -> {
            if (lost.firstSequence() > 0) {
              throw new EventLogException(
                  "events "
                      + lost.firstSequence()
                      + " to "
                      + lost.lastSequence()
                      + " cannot be read from "
                      + lost.place().file()
                      + ": "
                      + lost.detail());
            }
          }
          case LogEntry.ChainBroken broken -> throw new EventLogException(broken.detail());
          case LogEntry.HashWrong wrong ->
              throw new EventLogException(
                  "event " + wrong.envelope().sequence() + " is not what its hash says");
        }
      }
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  private EventLogException unreadable(IOException e) {
    return new EventLogException("the event log in " + folder + " cannot be read: " + e, e);
  }

  @Override
  public long nextSequence() {
    return cursor.nextSequence();
  }

  @Override
  public void close() {
    closed = true;
    synchronized (cursor) {
      try {
        cursor.close();
      } catch (IOException e) {
        throw unreadable(e);
      }
    }
  }
}
