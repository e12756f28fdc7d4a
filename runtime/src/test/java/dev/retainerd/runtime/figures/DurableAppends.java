package dev.retainerd.runtime.figures;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.folders.Folders;
import dev.retainerd.store.rocks.CatchUp;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Durable appends, beside what the disk gives to a plain file: 64 requests at once through the
 * journal, against batches of 64 x 300 B that are written and forced; and one event alone.
 */
@Fork(1)
@Warmup(iterations = 2, time = 3)
@Measurement(iterations = 3, time = 4)
@OutputTimeUnit(TimeUnit.SECONDS)
@BenchmarkMode(Mode.Throughput)
public class DurableAppends {
  private static final int REQUESTS = 64;
  private static final int EVENT_BYTES = 300;

  /** The journal of a daemon, with its log and its store. */
  @State(Scope.Benchmark)
  public static class Node {
    private final AtomicInteger threads = new AtomicInteger();
    private Path folder;
    private ChronicleEventLog log;
    private CatchUp store;
    private Journal journal;

    @Setup(Level.Trial)
    public void open() throws IOException {
      folder = Folders.make();
      log = ChronicleEventLog.open(LogOptions.standard(folder.resolve("log")));
      store = CatchUp.open(folder.resolve("store"), log);
      journal = new Journal(log, store.state(), store.store()::apply);
    }

    @TearDown(Level.Trial)
    public void close() throws IOException {
      journal.close();
      store.store().close();
      log.close();
      Folders.remove(folder);
    }
  }

  /** One client: it changes a record of its own. */
  @State(Scope.Thread)
  public static class Client {
    private String container;
    private long round;

    @Setup(Level.Trial)
    public void create(Node node) {
      container = "c" + node.threads.incrementAndGet();
      node.journal.commit(
          new Origin(Actor.daemon(), "", 0), PodLives.NAMESPACE, PodLives.created(container));
    }
  }

  /** A log alone, and a plain file beside it. */
  @State(Scope.Thread)
  public static class Disk {
    private final ByteBuffer one = ByteBuffer.allocate(EVENT_BYTES);
    private final ByteBuffer many = ByteBuffer.allocate(REQUESTS * EVENT_BYTES);
    private final List<EnvelopeDraft> draft = List.of(PodLives.draft(PodLives.small("c1", 1)));
    private Path folder;
    private FileChannel file;
    private ChronicleEventLog log;

    @Setup(Level.Trial)
    public void open() throws IOException {
      folder = Folders.make();
      log = ChronicleEventLog.open(LogOptions.standard(folder.resolve("log")));
      file =
          FileChannel.open(
              folder.resolve("raw"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    }

    private void write(ByteBuffer bytes) throws IOException {
      bytes.clear();
      while (bytes.hasRemaining()) {
        file.write(bytes);
      }
      file.force(false);
    }

    @TearDown(Level.Trial)
    public void close() throws IOException {
      log.close();
      file.close();
      Folders.remove(folder);
    }
  }

  @Benchmark
  @Threads(REQUESTS)
  public void journalWith64Requests(Node node, Client client) {
    node.journal.commit(
        new Origin(Actor.daemon(), "", 0),
        PodLives.NAMESPACE,
        PodLives.small(client.container, client.round++));
  }

  @Benchmark
  @OperationsPerInvocation(REQUESTS)
  public void rawWriteAndForceOf64(Disk disk) throws IOException {
    disk.write(disk.many);
  }

  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  @OutputTimeUnit(TimeUnit.MICROSECONDS)
  public void logAppendAndForceOfOne(Disk disk) {
    disk.log.append(disk.draft);
    disk.log.force();
  }

  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  @OutputTimeUnit(TimeUnit.MICROSECONDS)
  public void journalWithOneRequest(Node node, Client client) {
    node.journal.commit(
        new Origin(Actor.daemon(), "", 0),
        PodLives.NAMESPACE,
        PodLives.small(client.container, client.round++));
  }

  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  @OutputTimeUnit(TimeUnit.MICROSECONDS)
  public void rawWriteAndForceOfOne(Disk disk) throws IOException {
    disk.write(disk.one);
  }
}
