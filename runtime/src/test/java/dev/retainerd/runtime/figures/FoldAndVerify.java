package dev.retainerd.runtime.figures;

import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import dev.retainerd.runtime.folders.Folders;
import dev.retainerd.store.fold.Fold;
import dev.retainerd.store.state.NodeState;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Folding and verifying a history, on one core: events a second. */
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 3, time = 3)
@OutputTimeUnit(TimeUnit.SECONDS)
@BenchmarkMode(Mode.Throughput)
public class FoldAndVerify {
  private static final int LIVES = 1_000;
  private static final int EVENTS_OF_A_LIFE = 18;
  private static final int VERIFIED = 200_000;

  /** Lives of pods, of which up to 200 are there at any time. */
  @State(Scope.Benchmark)
  public static class Lives {
    private final List<Event> events = new ArrayList<>();

    @Setup(Level.Trial)
    public void make() {
      for (int pod = 0; pod < LIVES; pod++) {
        events.addAll(PodLives.whole(pod));
      }
      if (events.size() != LIVES * EVENTS_OF_A_LIFE) {
        throw new IllegalStateException("a life has " + events.size() / LIVES + " events");
      }
    }
  }

  /** A log of small events. */
  @State(Scope.Benchmark)
  public static class Written {
    private Path folder;

    @Setup(Level.Trial)
    public void write() throws IOException {
      folder = Folders.make();
      try (ChronicleEventLog log =
          ChronicleEventLog.open(LogOptions.standard(folder.resolve("log")))) {
        for (int i = 0; i < VERIFIED; i += 100) {
          List<EnvelopeDraft> batch = new ArrayList<>();
          for (int j = 0; j < 100; j++) {
            batch.add(PodLives.draft(PodLives.small("container-" + j, i)));
          }
          log.append(batch);
        }
      }
      long bytes =
          ReadOnlyLog.open(folder.resolve("log")).generations().stream()
              .mapToLong(g -> g.seal().orElseThrow().endPosition())
              .sum();
      System.out.printf("%,d events of %,d B on average%n", VERIFIED, bytes / VERIFIED);
    }

    @TearDown(Level.Trial)
    public void remove() throws IOException {
      Folders.remove(folder);
    }
  }

  @Benchmark
  @OperationsPerInvocation(LIVES * EVENTS_OF_A_LIFE)
  public NodeState fold(Lives lives) {
    NodeState state = NodeState.inMemory();
    long sequence = 0;
    for (Event event : lives.events) {
      sequence++;
      state.apply(sequence, Fold.fold(state, PodLives.header(sequence), event));
    }
    return state;
  }

  @Benchmark
  @OperationsPerInvocation(VERIFIED)
  public long verify(Written written) {
    long good = 0;
    try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(written.folder.resolve("log")).walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        good += e.get() instanceof LogEntry.Good ? 1 : 0;
      }
    }
    if (good != VERIFIED) {
      throw new IllegalStateException("only " + good + " events hold");
    }
    return good;
  }
}
