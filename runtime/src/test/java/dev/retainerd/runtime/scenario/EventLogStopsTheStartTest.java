package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeCodec;
import dev.retainerd.eventlog.files.Generation;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import dev.retainerd.eventlog.proto.DamageFoundPayload;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerRequest;
import dev.retainerd.wire.history.v1.HistoryEvent;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Case 3, the event log itself stops the start: ranges of its last 64 KiB, and a record in the
 * middle, are torn off, zeroed and flipped. The daemon starts; every event that can still be read
 * is there; what was acknowledged and is lost is named by its sequences in an event and in Status,
 * and its bytes are set aside; the new generation names the last good hash; no container notices.
 */
@Tag("real")
class EventLogStopsTheStartTest {
  private static final int RECORDS = 260;
  private static final int TAIL_BYTES = 64 << 10;

  private final Random random = new Random(3);
  private Node node;
  private Untouched container;
  private List<LogEntry.Place> places;
  private List<Envelope> written;
  private long firstOfRecords;

  /** A killed daemon's log, of whose last 64 KiB no event is about the container that runs. */
  @BeforeEach
  void writeAndKill() throws IOException {
    node = Node.started();
    node.importImage("k8s.io");
    container = Untouched.start(new Pods(node));
    firstOfRecords = new History(node).lastSequence() + 1;
    for (int i = 0; i < RECORDS; i++) {
      node.containers(node.name())
          .create(
              CreateContainerRequest.newBuilder()
                  .setContainer(
                      Container.newBuilder()
                          .setId("record-" + i)
                          .putLabels("text", "x".repeat(150 + i))
                          .setSpec(
                              Any.newBuilder()
                                  .setTypeUrl(
                                      "types.containerd.io/opencontainers/runtime-spec/1/Spec")
                                  .setValue(ByteString.copyFromUtf8("{}")))
                          .setRuntime(
                              Container.Runtime.newBuilder().setName("io.containerd.runc.v2")))
                  .build());
    }
    node.killDaemon();
    copy(node.root().resolve("log"), kept("log"));
    copy(node.root().resolve("store"), kept("store"));
    places = new ArrayList<>();
    written = new ArrayList<>();
    try (ReadOnlyLog.Walk walk = ReadOnlyLog.open(kept("log")).walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        places.add(((LogEntry.Good) e.get()).place());
        written.add(((LogEntry.Good) e.get()).envelope());
      }
    }
    assertTrue(end() - places.get((int) firstOfRecords - 1).position() > TAIL_BYTES);
  }

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void tornZeroedAndFlippedOnce() throws IOException {
    round("tear", end() - 3_000, 3_000);
    round("zero", end() - 40_000, 5_000);
    round("flip", end() - 20_000, 1);
    inTheMiddle();
    expectTheSameWithoutTheStore();
  }

  @Test
  @Tag("soak")
  @Timeout(value = 60, unit = TimeUnit.MINUTES)
  void everyRangeOfTheLast64KiB() throws IOException {
    int step = TAIL_BYTES / 32;
    for (long from = end() - TAIL_BYTES; from < end(); from += step) {
      round("tear", from + random.nextInt(step), 1 << 20);
      round("zero", from + random.nextInt(step), 1 + random.nextInt(step));
      round("flip", from + random.nextInt(step), 1);
      round("garbage", from + random.nextInt(step), 1 + random.nextInt(step));
    }
    inTheMiddle();
    node.start();
    container.expectOwnExit();
  }

  /** What the store still knows of events that are lost does not hang on that store. */
  private void expectTheSameWithoutTheStore() {
    Path root = node.root();
    node.start();
    String records = node.ctr("containers", "ls", "-q").expectSuccess();
    assertTrue(records.lines().count() >= RECORDS - 1, records);
    node.stopDaemon();
    String compared =
        node.rewind("verify", root.toString(), "--store", root.resolve("store").toString()).text();
    assertTrue(compared.contains("the same as the events make"), compared);
    Host.run(20, List.of("rm", "-r", root.resolve("store").toString())).expectSuccess();
    node.start();
    assertEquals(records, node.ctr("containers", "ls", "-q").expectSuccess());
    container.expectOwnExit();
  }

  private void inTheMiddle() throws IOException {
    LogEntry.Place place = places.get((int) firstOfRecords + 40);
    round("zero", place.position() + 8, 100);
  }

  private void round(String how, long from, long length) throws IOException {
    String what = how + " " + from + "+" + length + " of " + end();
    putBack("log");
    putBack("store");
    Path file = places.getLast().file();
    Path target = node.root().resolve("log").resolve(kept("log").relativize(file));
    damage(how, target, from, Math.min(end(), from + length));
    ReadOnlyLog damaged = ReadOnlyLog.open(node.root().resolve("log"));
    List<Long> readable = sequences(damaged);
    node.start();
    expectHistory(what, readable);
    container.expectKnown();
    node.killDaemon();
    expectChained(what);
  }

  /** What could be read before the start is there; what could not is named, and nothing else. */
  private void expectHistory(String what, List<Long> readable) {
    History history = new History(node);
    List<HistoryEvent> all = history.from(1);
    TreeSet<Long> there = new TreeSet<>(all.stream().map(HistoryEvent::getSequence).toList());
    TreeSet<Long> named = new TreeSet<>();
    for (HistoryEvent event : all) {
      long sequence = event.getSequence();
      if (sequence <= written.size()) {
        assertEquals(written.get((int) sequence - 1), EnvelopeCodec.decode(envelope(event)), what);
      } else if (event.getType().equals("DamageFound")) {
        DamageFoundPayload damage = payload(event);
        for (long s = damage.getFirstLostSequence();
            s > 0 && s <= damage.getLastLostSequence();
            s++) {
          named.add(s);
        }
        if (damage.getFirstLostSequence() > 0 && !damage.getSetAsideTo().isEmpty()) {
          assertTrue(Files.exists(Path.of(damage.getSetAsideTo())), what + ": " + damage);
        }
      }
    }
    assertTrue(there.containsAll(readable), what + ": only " + there + " of " + readable);
    long last = there.last();
    for (long sequence = 1; sequence <= last; sequence++) {
      boolean lost = sequence <= written.size() && !there.contains(sequence);
      assertEquals(lost, named.contains(sequence), what + ": event " + sequence + " " + named);
      assertTrue(lost || there.contains(sequence), what + ": event " + sequence);
    }
    assertTrue(last > written.size(), what + ": sequences are never used again");
    if (!named.isEmpty()) {
      String range = named.first() + "";
      assertTrue(history.damages().toString().contains(range), what + ": " + history.damages());
    }
  }

  /** The generation begun at the start carries on from the last event that can be read. */
  private void expectChained(String what) {
    ReadOnlyLog log = ReadOnlyLog.open(node.root().resolve("log"));
    List<Generation> generations = log.generations();
    Generation begun = generations.getLast();
    byte[] lastGood = new byte[0];
    try (ReadOnlyLog.Walk walk = log.walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        switch (e.get()) {
          case LogEntry.Good good -> {
            if (good.envelope().sequence() < begun.firstSequence()) {
              lastGood = good.envelope().hash();
            }
          }
          case LogEntry.Lost lost -> {}
          case LogEntry.ChainBroken broken -> throw new AssertionError(what + ": " + broken);
          case LogEntry.HashWrong wrong -> throw new AssertionError(what + ": " + wrong);
        }
      }
    }
    assertArrayEquals(lastGood, begun.start().previousHash(), what);
  }

  private static byte[] envelope(HistoryEvent event) {
    return event.getEnvelope().toByteArray();
  }

  private static DamageFoundPayload payload(HistoryEvent event) {
    try {
      return DamageFoundPayload.parseFrom(EnvelopeCodec.decode(envelope(event)).payload());
    } catch (com.google.protobuf.InvalidProtocolBufferException e) {
      throw new AssertionError(event.getSentence(), e);
    }
  }

  private static List<Long> sequences(ReadOnlyLog log) {
    List<Long> found = new ArrayList<>();
    try (ReadOnlyLog.Walk walk = log.walk(1, false)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        if (e.get() instanceof LogEntry.Good good) {
          found.add(good.envelope().sequence());
        }
      }
    }
    return found;
  }

  /** The first byte behind the last record. */
  private long end() {
    int length = EnvelopeCodec.encode(written.getLast()).length;
    return places.getLast().position() + Integer.BYTES + length;
  }

  private void damage(String how, Path path, long from, long to) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      byte[] bytes = new byte[(int) Math.max(0, to - from)];
      switch (how) {
        case "tear" -> file.setLength(from);
        case "zero" -> write(file, from, bytes);
        case "flip" -> {
          file.seek(from);
          int old = file.read();
          write(file, from, new byte[] {(byte) (old ^ 1 << random.nextInt(8))});
        }
        default -> {
          random.nextBytes(bytes);
          write(file, from, bytes);
        }
      }
    }
  }

  private static void write(RandomAccessFile file, long at, byte[] bytes) throws IOException {
    file.seek(at);
    file.write(bytes);
  }

  private Path kept(String name) {
    return node.folder().resolve("kept-" + name);
  }

  private void putBack(String name) {
    Host.run(20, List.of("rm", "-r", node.root().resolve(name).toString())).expectSuccess();
    copy(kept(name), node.root().resolve(name));
  }

  private static void copy(Path from, Path to) {
    Host.run(30, List.of("cp", "-r", "--sparse=always", from.toString(), to.toString()))
        .expectSuccess();
  }
}
