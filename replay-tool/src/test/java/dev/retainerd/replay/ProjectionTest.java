package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Durability;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.rocks.CatchUp;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code verify --projection}: the daemon's store against the history folded again. */
class ProjectionTest {
  @TempDir Path root;
  private Path log;
  private Path store;

  @BeforeEach
  void aDay() {
    log = root.resolve("log");
    store = root.resolve("store");
    NodeStory.aDay(log);
  }

  /** Makes the store as the daemon does, and then changes it behind its back. */
  private void store(List<Delta<?>> damage) throws IOException {
    LogOptions options =
        LogOptions.standard(log)
            .withDurability(Durability.PROCESS_CRASH)
            .withSizes(1 << 20, 64 << 20, 0)
            .withCheckpoints(Optional.empty());
    try (EventLog open = ChronicleEventLog.open(options)) {
      CatchUp opened = CatchUp.open(store, open);
      opened.store().apply(opened.store().appliedSequence(), damage);
      opened.store().close();
    }
  }

  @Test
  void aStoreThatTheHistoryMadeIsTheSame() throws IOException {
    store(List.of());
    Rewind.run("verify", root, "--projection")
        .expect(0)
        .contains("the same as the events make", "whole: events 1 to ");
  }

  @Test
  void eachDifferenceNamesTheEventThatShouldHaveMadeIt() throws IOException {
    Key<TaskEntry> web = Kind.TASK.key("k8s.io", "web");
    List<Delta<?>> damage = new ArrayList<>();
    damage.add(Delta.remove(Kind.CONTAINER.key("default", "greedy")));
    damage.add(Delta.put(web, TaskEntry.newBuilder().setContainerId("web").build()));
    damage.add(
        Delta.put(
            Kind.TASK.key("k8s.io", "ghost"),
            TaskEntry.newBuilder().setContainerId("ghost").build()));
    store(damage);
    Rewind.Answer answer = Rewind.run("verify", root, "--projection").expect(1);
    answer.contains(
        "3 differ from what the events make",
        "container/default/greedy is missing in the store  by event ",
        "task/k8s.io/web is not what the events make of it (provenance",
        "task of web was ended by SIGKILL (code 137)",
        "task/k8s.io/ghost is in the store, and no event made it");
    assertEquals(
        3,
        Rewind.run("verify", root, "--projection", "--json")
            .json()
            .getAsJsonObject("projection")
            .get("differing")
            .getAsInt());
  }

  @Test
  void whatIsNoStoreCannotBeLookedAt() throws IOException {
    assertTrue(
        Rewind.run("verify", root, "--projection").expect(2).errors().contains("there is none"));
    Files.createDirectories(store);
    Files.writeString(store.resolve("CURRENT"), "MANIFEST-000009\n");
    Rewind.Answer broken = Rewind.run("verify", root, "--projection").expect(2);
    assertEquals(1, broken.errors().lines().count(), broken.errors());
  }
}
