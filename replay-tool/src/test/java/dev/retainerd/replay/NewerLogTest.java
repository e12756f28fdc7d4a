package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.Durability;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.event.EventType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log with events of a version to come: whole or not can be said, what it means cannot. */
class NewerLogTest {
  @TempDir Path folder;
  private Path log;

  @BeforeEach
  void aDay() {
    log = folder.resolve("log");
    NodeStory.aDay(log);
  }

  private void append(int type, int version) {
    try (EventLog open =
        ChronicleEventLog.open(
            LogOptions.standard(log)
                .withDurability(Durability.PROCESS_CRASH)
                .withCheckpoints(Optional.empty())
                .withSizes(1 << 20, 64 << 20, 0))) {
      open.append(
          List.of(
              new EnvelopeDraft(
                  "k8s.io", "task/web", Actor.daemon(), "", 0, type, version, new byte[] {8, 1})));
      open.force();
    }
  }

  private List<Object[]> verbs() {
    return List.of(
        new Object[] {"log", log},
        new Object[] {"state", log},
        new Object[] {"diff", log, "2", "end"},
        new Object[] {"timeline", log, "web", "--no-index"},
        new Object[] {"timeline", log, NodeStory.BATCH, "--no-index"},
        new Object[] {"explain", log, "web", "--no-index"},
        new Object[] {"bisect", log, "--where", "count(task) > 1000"},
        new Object[] {"stats", log},
        new Object[] {"export", log, "--format", "html", "-o", folder.resolve("x.html")},
        new Object[] {"export", log, "--format", "perfetto", "-o", folder.resolve("x.json")},
        new Object[] {"bundle", log, "-o", folder.resolve("x.evidence")},
        new Object[] {"redact", log, "-o", folder.resolve("x.evidence")},
        new Object[] {"index", log, "--index", folder.resolve("index")});
  }

  private void refusedByAll(String... parts) {
    for (Object[] verb : verbs()) {
      Rewind.Answer answer = Rewind.run(verb).expect(2);
      assertEquals(1, answer.errors().lines().count(), answer.errors());
      for (String part : parts) {
        assertTrue(answer.errors().contains(part), verb[0] + ": " + answer.errors());
      }
    }
    for (String file : List.of("x.html", "x.json", "x.evidence")) {
      assertFalse(Files.exists(folder.resolve(file)), file);
    }
  }

  @Test
  void anEventOfAnUnknownTypeIsNotLeftOutOfAnAnswer() {
    append(65_000, 1);
    refusedByAll("newer ");
  }

  @Test
  void anEventOfANewerSchemaIsNotLeftOutOfAnAnswer() {
    append(EventType.TASK_EXITED.number(), EventType.TASK_EXITED.schemaVersion() + 1);
    refusedByAll("newer ");
  }

  @Test
  void whetherItIsWholeIsToldAllTheSame() {
    append(65_000, 1);
    Rewind.run("verify", log)
        .expect(0)
        .contains("1 events are of types that this version does not know", "whole: events 1 to ");
  }

  @Test
  void whatIfCountsWhatItCannotRead() {
    append(65_000, 1);
    Rewind.run("what-if", log).expect(1).contains("1 cannot be read by this version");
  }

  @Test
  void pointsBeforeItAreAnswered() {
    long last = Rewind.run("verify", log, "--json").json().get("lastGoodSequence").getAsLong();
    append(65_000, 1);
    Rewind.run("diff", log, "2", Long.toString(last - 1)).expect(0);
    Rewind.run("log", log, "--to", Long.toString(last - 1)).expect(0);
  }
}
