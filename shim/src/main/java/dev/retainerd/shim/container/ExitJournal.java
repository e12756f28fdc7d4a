package dev.retainerd.shim.container;

import dev.retainerd.shim.wire.retain.Record;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * The numbered ends and OOMs of everything this shim holds, kept until the container or exec is
 * deleted, so that a daemon that was away misses none. Numbers grow by one and begin at 1 in every
 * shim process. Thread-safe.
 */
public final class ExitJournal {
  /** Gets records once; must return at once. */
  public interface Reader {
    void records(List<Record> records);
  }

  private static final class Waiting {
    final long since;
    final long deadlineNanoTime;
    final Reader reader;

    Waiting(long since, long deadlineNanoTime, Reader reader) {
      this.since = since;
      this.deadlineNanoTime = deadlineNanoTime;
      this.reader = reader;
    }
  }

  private static final int READERS_MAX = 256;

  private final List<Record> records = new ArrayList<>();
  private final List<Waiting> waiting = new ArrayList<>();
  private long last;

  public ExitJournal() {
    Thread thread = new Thread(null, this::expire, "record-polls", 128 << 10);
    thread.setDaemon(true);
    thread.start();
  }

  public synchronized long last() {
    return last;
  }

  synchronized void add(Record.Builder record) {
    last++;
    records.add(record.setNumber(last).build());
    for (Iterator<Waiting> all = waiting.iterator(); all.hasNext(); ) {
      Waiting one = all.next();
      all.remove();
      one.reader.records(after(one.since));
    }
  }

  /** What a deleted container (execId null: all of it) or exec has left. */
  synchronized void remove(String namespace, String id, String execId) {
    records.removeIf(
        record ->
            record.getNamespace().equals(namespace)
                && record.getContainerId().equals(id)
                && (execId == null || record.getExecId().equals(execId)));
  }

  private List<Record> after(long since) {
    List<Record> found = new ArrayList<>();
    for (Record record : records) {
      if (record.getNumber() > since) {
        found.add(record);
      }
    }
    return found;
  }

  /** Answers at once when there are records above {@code since}, else when one comes or in time. */
  public synchronized void read(long since, long waitMillis, Reader reader) {
    List<Record> found = after(since);
    if (!found.isEmpty() || waitMillis <= 0 || waiting.size() >= READERS_MAX) {
      reader.records(found);
      return;
    }
    waiting.add(new Waiting(since, System.nanoTime() + waitMillis * 1_000_000, reader));
    notifyAll();
  }

  private synchronized void expire() {
    while (true) {
      long now = System.nanoTime();
      long next = Long.MAX_VALUE;
      for (Iterator<Waiting> all = waiting.iterator(); all.hasNext(); ) {
        Waiting one = all.next();
        long left = one.deadlineNanoTime - now;
        if (left <= 0) {
          all.remove();
          one.reader.records(List.of());
        } else {
          next = Math.min(next, left);
        }
      }
      try {
        wait(Math.min(60_000, next / 1_000_000 + 1));
      } catch (InterruptedException e) {
        return;
      }
    }
  }
}
