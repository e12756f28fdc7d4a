package dev.retainerd.runtime.figures;

import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.runtime.folders.Folders;
import dev.retainerd.store.rocks.CatchUp;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Opening the store of a daemon: with events to catch up, and from nothing but the log. */
@Fork(1)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@BenchmarkMode(Mode.SingleShotTime)
public class StoreOpening {
  private static final int BATCH = 256;

  /** A log of pods' lives, and a store that stands {@code missing} events before its end. */
  @State(Scope.Benchmark)
  public static class Behind {
    @Param({"1000000"})
    int events;

    @Param({"10000"})
    int missing;

    private Path folder;
    private ChronicleEventLog log;
    private int next;

    @Setup(Level.Trial)
    public void write() throws IOException {
      folder = Folders.make();
      log = ChronicleEventLog.open(LogOptions.standard(folder.resolve("log")));
      append(events - missing);
      CatchUp.open(folder.resolve("kept"), log).store().close();
      append(events);
    }

    private void append(long upTo) {
      List<EnvelopeDraft> batch = new ArrayList<>();
      while (log.lastSequence() + batch.size() < upTo) {
        for (Event event : next % 20 == 0 ? PodLives.dead(next) : PodLives.whole(next)) {
          batch.add(PodLives.draft(event));
        }
        next++;
        if (batch.size() >= BATCH) {
          log.append(batch);
          batch.clear();
        }
      }
      if (!batch.isEmpty()) {
        log.append(batch);
      }
      log.force();
    }

    @Setup(Level.Invocation)
    public void putBack() throws IOException {
      Folders.remove(folder.resolve("store"));
      Folders.copy(folder.resolve("kept"), folder.resolve("store"));
    }

    @TearDown(Level.Trial)
    public void remove() throws IOException {
      log.close();
      Folders.remove(folder);
    }
  }

  @Benchmark
  @Warmup(iterations = 3)
  @Measurement(iterations = 10)
  public long openAndCatchUp(Behind behind) throws IOException {
    CatchUp opened = CatchUp.open(behind.folder.resolve("store"), behind.log);
    opened.store().close();
    if (opened.caughtUp() < behind.missing) {
      throw new IllegalStateException("only " + opened.caughtUp() + " events were caught up");
    }
    return opened.caughtUp();
  }

  @Benchmark
  @Warmup(iterations = 0)
  @Measurement(iterations = 3)
  public long rebuild(Behind behind) throws IOException {
    Folders.remove(behind.folder.resolve("store"));
    CatchUp opened = CatchUp.open(behind.folder.resolve("store"), behind.log);
    opened.store().close();
    if (!opened.passedOver().stream().allMatch(d -> d.detail().startsWith("it was missing"))) {
      throw new IllegalStateException(opened.passedOver().toString());
    }
    return opened.caughtUp();
  }
}
