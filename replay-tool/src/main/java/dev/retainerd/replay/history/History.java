package dev.retainerd.replay.history;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.eventlog.event.UnreadableEventException;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import dev.retainerd.store.words.SubjectSearch;
import dev.retainerd.store.words.Told;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * A log to look at: streamed, never held. What cannot be read is told to the listener of notes, so
 * that an answer with a gap in it does not look whole. One thread at a time.
 */
public final class History {
  private static final Duration FOLLOW_PATIENCE = Duration.ofSeconds(1);

  private final ReadOnlyLog log;
  private final Consumer<String> notes;

  private History(ReadOnlyLog log, Consumer<String> notes) {
    this.log = log;
    this.notes = notes;
  }

  /**
   * Opens a log.
   *
   * @param notes gets a sentence for whatever the operator should know beside the answer
   * @throws LookFailure where there is none
   */
  public static History open(Path folder, Consumer<String> notes) {
    if (!Files.isDirectory(folder)) {
      throw new LookFailure(
          Files.exists(folder)
              ? folder + " is no folder: name the folder of a log"
              : "there is no folder " + folder);
    }
    try {
      ReadOnlyLog log = ReadOnlyLog.open(folder);
      if (log.generations().isEmpty()) {
        throw new LookFailure(
            folder + " holds no log of retainerd: name the folder that holds generation-0001");
      }
      for (LogDamage damage : log.damages()) {
        notes.accept(damage.path() + ": " + damage.detail());
      }
      return new History(log, notes);
    } catch (EventLogException e) {
      throw new LookFailure(e.getMessage(), e);
    }
  }

  public ReadOnlyLog log() {
    return log;
  }

  /** The last event there is now; 0 for an empty log. */
  public long lastSequence() {
    return log.lastSequence();
  }

  /** Hands out every event from {@code from} on, as long as {@code more} says so. */
  public void each(long from, Predicate<Told> more) {
    try (ReadOnlyLog.Walk walk = log.walk(from, false)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        Optional<Told> told = told(e.get());
        if (told.isPresent() && !more.test(told.get())) {
          return;
        }
      }
    } catch (EventLogException e) {
      throw new LookFailure(e.getMessage(), e);
    }
  }

  /** As {@link #each}, and then waits for events to come, until interrupted. */
  public void follow(long from, Predicate<Told> more) throws InterruptedException {
    try (ReadOnlyLog.Walk walk = log.walk(from, false)) {
      while (true) {
        Optional<LogEntry> entry = walk.await(FOLLOW_PATIENCE);
        Optional<Told> told = entry.flatMap(this::told);
        if (told.isPresent() && !more.test(told.get())) {
          return;
        }
      }
    } catch (EventLogException e) {
      throw new LookFailure(e.getMessage(), e);
    }
  }

  private Optional<Told> told(LogEntry entry) {
    return switch (entry) {
      case LogEntry.Good good -> told(good.envelope());
      case LogEntry.ChainBroken broken -> {
        notes.accept("the chain is broken: " + broken.detail());
        yield told(broken.envelope());
      }
      case LogEntry.HashWrong wrong -> {
        notes.accept("the hash of event " + wrong.envelope().sequence() + " is wrong");
        yield told(wrong.envelope());
      }
      case LogEntry.Lost lost -> {
        String which =
            lost.firstSequence() == 0
                ? "something"
                : "events " + lost.firstSequence() + " to " + lost.lastSequence();
        notes.accept(which + " cannot be read: " + lost.detail());
        yield Optional.empty();
      }
    };
  }

  private Optional<Told> told(Envelope envelope) {
    try {
      return Optional.of(Told.of(envelope));
    } catch (UnreadableEventException e) {
      notes.accept(e.getMessage());
      return Optional.empty();
    }
  }

  /**
   * The whole id of what is meant.
   *
   * @throws LookFailure where nothing is, with near matches
   */
  public String find(String id) {
    SubjectSearch search = new SubjectSearch(id);
    each(
        1,
        told -> {
          search.see(told.envelope().subject());
          return true;
        });
    return search.found().orElseThrow(() -> new LookFailure(search.complaint()));
  }
}
