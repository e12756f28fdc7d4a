package dev.retainerd.replay.history;

import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.eventlog.checkpoint.CheckpointKeeper;
import dev.retainerd.eventlog.files.Generation;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import dev.retainerd.eventlog.files.RecordScanner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** The folder of a log, live or copied. Takes no lock and writes no byte. */
public final class FolderSource implements EventSource {
  /** Fewer events are not worth a second thread. */
  private static final long PART_EVENTS_MIN = 100_000;

  private final ReadOnlyLog log;

  private FolderSource(ReadOnlyLog log) {
    this.log = log;
  }

  /**
   * Opens the folder of a log, the daemon's root above it, or an archive.
   *
   * @throws LookFailure where there is none, or parts of it belong to another node
   */
  public static FolderSource open(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new LookFailure(
          Files.exists(folder)
              ? folder + " is neither the folder of a log nor an evidence file"
              : "there is no folder " + folder);
    }
    try {
      ReadOnlyLog log = ReadOnlyLog.open(folder);
      if (log.generations().isEmpty()) {
        throw new LookFailure(
            folder + " holds no log of retainerd: name the folder that holds generation-0001");
      }
      refuseForeign(log);
      return new FolderSource(log);
    } catch (EventLogException e) {
      throw new LookFailure(e.getMessage(), e);
    }
  }

  private static void refuseForeign(ReadOnlyLog log) {
    for (Generation generation : log.generations()) {
      String node = generation.start().nodeId();
      if (!node.isEmpty() && !node.equals(log.nodeId())) {
        throw new LookFailure(
            generation.folder()
                + " belongs to node "
                + node
                + ", and the log to node "
                + log.nodeId()
                + ": take it out, and look at each node's log by itself");
      }
    }
  }

  /** The log itself. */
  public ReadOnlyLog log() {
    return log;
  }

  @Override
  public String name() {
    return log.folder().toString();
  }

  @Override
  public String nodeId() {
    return log.nodeId();
  }

  @Override
  public long lastSequence() {
    return log.lastSequence();
  }

  @Override
  public Optional<Path> folder() {
    return Optional.of(log.folder());
  }

  @Override
  public List<String> findings() {
    List<String> findings = new ArrayList<>();
    if (log.archiveOnly()) {
      findings.add(
          log.folder()
              + " is an archive by itself: what came after event "
              + log.generations().getLast().seal().map(seal -> seal.lastSequence()).orElse(0L)
              + " is in the log that it was taken from");
    }
    for (LogDamage damage : log.damages()) {
      findings.add(damage.path() + ": " + damage.detail());
    }
    return findings;
  }

  @Override
  public Witness witness() {
    return new Witness(
        read(log.folder().resolve(CheckpointKeeper.FILE)),
        read(log.folder().resolve(CheckpointKeeper.KEY_FILE))
            .map(bytes -> new String(bytes, java.nio.charset.StandardCharsets.UTF_8)),
        Map.of());
  }

  private static Optional<byte[]> read(Path file) {
    try {
      return Files.exists(file) ? Optional.of(Files.readAllBytes(file)) : Optional.empty();
    } catch (IOException e) {
      throw new LookFailure("the checkpoints of the log cannot be read: " + e.getMessage(), e);
    }
  }

  /** In as many parts as there are processors: it is a matter of seconds for millions of events. */
  @Override
  public Around around(long from, long through, long nanos) {
    long last = Math.min(through, log.lastSequence());
    long parts = last - from < PART_EVENTS_MIN ? 1 : Runtime.getRuntime().availableProcessors();
    long each = (last - from) / parts + 1;
    List<FutureTask<Around>> running = new ArrayList<>();
    for (long begin = from; begin <= last; begin += each) {
      long first = begin;
      long end = Math.min(last, begin + each - 1);
      running.add(new FutureTask<>(() -> EventSource.super.around(first, end, nanos)));
    }
    running.stream().skip(1).forEach(task -> new Thread(task, "rewind-times").start());
    Around all = Around.NOTHING;
    for (FutureTask<Around> task : running) {
      task.run();
      all = all.and(result(task));
    }
    return all;
  }

  private static Around result(FutureTask<Around> task) {
    try {
      return task.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LookFailure("interrupted while the times of events were read", e);
    }
  }

  @Override
  public Walk walk(long from, boolean verify) {
    ReadOnlyLog.Walk walk = log.walk(from, verify);
    return new Walk() {
      @Override
      public Optional<LogEntry> next() {
        return walk.next();
      }

      @Override
      public Optional<LogEntry> await(Duration patience) throws InterruptedException {
        return walk.await(patience);
      }

      @Override
      public void skim(long last, RecordScanner.Times told) {
        walk.skim(last, told);
      }

      @Override
      public String tail() {
        return walk.tail();
      }

      @Override
      public void close() {
        walk.close();
      }
    };
  }
}
