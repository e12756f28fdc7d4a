package dev.retainerd.store.rocks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.NewerFormatException;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ContainerCreatedPayload;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.NamespaceCreatedPayload;
import dev.retainerd.eventlog.proto.NamespaceUpdatedPayload;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CatchUpTest {
  private static final int CONTAINERS = 200;

  @TempDir Path dir;

  private EventLog log() {
    return ChronicleEventLog.open(
        LogOptions.standard(dir.resolve("log")).withSizes(1 << 20, 1L << 30, 1L << 20));
  }

  private Path folder() {
    return dir.resolve("store");
  }

  static EnvelopeDraft draft(Event event) {
    return new EnvelopeDraft(
        "k8s.io",
        event.subject(),
        Actor.daemon(),
        "",
        0,
        event.type().number(),
        event.type().schemaVersion(),
        event.payload().toByteArray());
  }

  static Event namespace(String name) {
    return new Event.NamespaceCreated(
        NamespaceCreatedPayload.newBuilder().setName(name).putLabels("a", "b").build());
  }

  static Event container(String id) {
    return new Event.ContainerCreated(
        ContainerCreatedPayload.newBuilder()
            .setContainer(
                ContainerRecord.newBuilder()
                    .setId(id)
                    .setImage("docker.io/library/busybox:latest")
                    .putLabels("app", "test-" + id)
                    .setSpec(
                        Opaque.newBuilder()
                            .setTypeUrl("types.containerd.io/opencontainers/runtime-spec/1/Spec")
                            .setValue(ByteString.copyFromUtf8(("spec of " + id).repeat(200)))))
            .build());
  }

  private void write(EventLog log) {
    log.append(List.of(draft(namespace("k8s.io"))));
    for (int i = 0; i < CONTAINERS; i++) {
      log.append(List.of(draft(container("c" + i))));
    }
    log.force();
  }

  private static TreeMap<String, String> content(RocksStore store) {
    TreeMap<String, String> all = new TreeMap<>();
    store.forEachStored(
        (kind, path, value) ->
            all.put(kind + " " + path, java.util.HexFormat.of().formatHex(value)));
    return all;
  }

  @Test
  void aStoreIsBuiltFromTheLogAndReadBack() throws Exception {
    try (EventLog log = log()) {
      write(log);
      CatchUp first = CatchUp.open(folder(), log);
      assertEquals(CONTAINERS + 1, first.caughtUp());
      assertEquals(CONTAINERS, first.state().list(Kind.CONTAINER, "k8s.io").size());
      assertEquals("it was missing; the log has it all", first.passedOver().getFirst().detail());
      assertEquals(Optional.empty(), first.setAside());
      first.store().close();
      CatchUp second = CatchUp.open(folder(), log);
      assertEquals(0, second.caughtUp());
      assertEquals(CONTAINERS, second.state().count(Kind.CONTAINER));
      assertTrue(
          second
              .state()
              .get(Kind.SPEC.key("k8s.io", "c17"))
              .orElseThrow()
              .getSpec()
              .getValue()
              .toStringUtf8()
              .startsWith("spec of c17"));
      second.store().close();
    }
  }

  @Test
  void whatWasNotFlushedAtACrashIsFoldedAgain() throws Exception {
    try (EventLog log = log()) {
      write(log);
      CatchUp opened = CatchUp.open(folder(), log);
      opened.store().flush();
      log.append(List.of(draft(namespace("late"))));
      log.force();
      opened.store().abandon();
      CatchUp again = CatchUp.open(folder(), log);
      assertEquals(1, again.caughtUp());
      assertTrue(again.state().get(Kind.NAMESPACE.key("", "late")).isPresent());
      again.store().close();
    }
  }

  @Test
  void aStoreAheadOfTheLogIsSetAsideAndRebuilt() throws Exception {
    try (EventLog log = log()) {
      write(log);
      CatchUp.open(folder(), log).store().close();
    }
    deleteAll(dir.resolve("log"));
    try (EventLog log = log()) {
      log.append(List.of(draft(namespace("other"))));
      log.force();
      CatchUp opened = CatchUp.open(folder(), log);
      assertTrue(Files.isDirectory(opened.setAside().orElseThrow().to()));
      assertEquals(0, opened.state().count(Kind.CONTAINER));
      opened.store().close();
    }
  }

  @Test
  void everyFileOfTheStoreFlippedTruncatedOrDeletedInTurn() throws Exception {
    TreeMap<String, String> whole;
    try (EventLog log = log()) {
      write(log);
      CatchUp opened = CatchUp.open(folder(), log);
      whole = content(opened.store());
      opened.store().close();
      Path kept = dir.resolve("kept");
      copyAll(folder(), kept);
      List<Path> files;
      try (Stream<Path> children = Files.list(kept)) {
        files = children.filter(Files::isRegularFile).map(Path::getFileName).toList();
      }
      assertTrue(files.size() > 5, files::toString);
      List<String> rebuilt = new ArrayList<>();
      for (Path name : files) {
        for (String how : List.of("flip", "truncate", "delete")) {
          deleteAll(folder());
          copyAll(kept, folder());
          damage(folder().resolve(name), how);
          CatchUp again = CatchUp.open(folder(), log);
          assertEquals(whole, content(again.store()), how + " " + name);
          if (again.setAside().isPresent()) {
            assertTrue(Files.exists(again.setAside().get().to()));
            rebuilt.add(how + " " + name);
          }
          again.store().close();
        }
      }
      assertTrue(
          rebuilt.stream().filter(r -> r.startsWith("flip") && r.endsWith(".sst")).count() >= 3,
          rebuilt::toString);
      assertTrue(rebuilt.contains("delete CURRENT"), rebuilt::toString);
    }
  }

  @Test
  void aStoreOfAnotherSchemaOrNodeIsRebuilt() throws Exception {
    try (EventLog log = log()) {
      write(log);
      RocksStore.open(folder(), "0-other", log.status().nodeId()).close();
      CatchUp opened = CatchUp.open(folder(), log);
      assertTrue(opened.setAside().orElseThrow().reason().contains("schema"));
      opened.store().close();
      deleteAll(folder());
      RocksStore.open(folder(), CatchUp.schema(), "another").close();
      opened = CatchUp.open(folder(), log);
      assertTrue(opened.setAside().orElseThrow().reason().contains("another node"));
      assertEquals(CONTAINERS, opened.state().count(Kind.CONTAINER));
      opened.store().close();
    }
  }

  @Test
  void anEventThatDoesNotFitIsPassedOverAndReported() throws Exception {
    try (EventLog log = log()) {
      log.append(
          List.of(
              draft(
                  new Event.NamespaceUpdated(
                      NamespaceUpdatedPayload.newBuilder().setName("lost").build())),
              draft(namespace("kept"))));
      log.force();
      CatchUp opened = CatchUp.open(folder(), log);
      assertFalse(opened.passedOver().isEmpty());
      assertTrue(opened.state().get(Kind.NAMESPACE.key("", "kept")).isPresent());
      assertEquals(2, opened.store().appliedSequence());
      opened.store().close();
    }
  }

  @Test
  void aLogThatANewerVersionWroteIsRefusedWithTheMend() throws Exception {
    try (EventLog log = log()) {
      write(log);
      log.append(
          List.of(
              new EnvelopeDraft(
                  "k8s.io", "node", Actor.daemon(), "", 0, 64_999, 1, new byte[] {1})));
      log.force();
      NewerFormatException e =
          assertThrows(NewerFormatException.class, () -> CatchUp.open(folder(), log));
      assertTrue(
          e.getMessage().contains("event " + (CONTAINERS + 2) + " has type 64999")
              && e.getMessage().contains("use the version that wrote the log, or a newer one"),
          e.getMessage());
    }
  }

  private static void damage(Path file, String how) throws IOException {
    switch (how) {
      case "flip" -> {
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
          if (f.length() > 0) {
            f.seek(f.length() / 3);
            int b = f.read();
            f.seek(f.length() / 3);
            f.write(b ^ 0x10);
          }
        }
      }
      case "truncate" -> {
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
          f.setLength(f.length() / 2);
        }
      }
      default -> Files.delete(file);
    }
  }

  private static void copyAll(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> children = Files.list(from)) {
      for (Path child : children.toList()) {
        Files.copy(child, to.resolve(child.getFileName()));
      }
    }
  }

  private static void deleteAll(Path folder) throws Exception {
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : tree.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
