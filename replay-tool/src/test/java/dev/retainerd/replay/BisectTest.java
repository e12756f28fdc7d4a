package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BisectTest {
  @TempDir Path folder;
  private Path log;

  @BeforeEach
  void aDay() {
    log = folder.resolve("log");
    NodeStory.aDay(log);
  }

  private JsonObject event(String... arguments) {
    Object[] all = new Object[arguments.length + 3];
    all[0] = "bisect";
    all[1] = log;
    all[2] = "--json";
    System.arraycopy(arguments, 0, all, 3, arguments.length);
    return Rewind.run(all).expect(0).json().getAsJsonObject("event");
  }

  private void finds(String type, String subject, String... arguments) {
    JsonObject event = event(arguments);
    assertEquals(type, event.get("type").getAsString());
    assertEquals(subject, event.get("subject").getAsString());
  }

  @Test
  void theFirstEventOfAConditionOfTheStateIsFound() {
    finds("TaskOom", "task/greedy", "--where", "exists(task where oom_killed)");
    finds("TaskStarted", "task/greedy", "--where", "count(task where phase == RUNNING) >= 3");
    finds(
        "TaskExited",
        "task/" + NodeStory.BATCH,
        "--where",
        "task[\"" + NodeStory.BATCH + "\"].exit.status == 7");
    finds(
        "SandboxNetworkAttached",
        "sandbox/" + NodeStory.POD,
        "--where",
        "exists(sandbox where attachments.addresses == \"10.1.0.7\")");
    finds(
        "ContainerRemoving",
        "container/web",
        "--where",
        "exists(container where phase == REMOVING and id == web)");
  }

  @Test
  void theFirstEventOfAConditionOfEventsIsFound() {
    finds(
        "TaskExited",
        "task/greedy",
        "--where",
        "event.type == TaskExited and event.payload.status == 137");
    finds(
        "ContainerCreating",
        "container/greedy",
        "--where",
        "executable ~ \"ctr$\" and uid == 1000");
    finds("SandboxCreating", "sandbox/" + NodeStory.POD, "--where", "secrets == annotations");
  }

  @Test
  void theEventThatBreaksWhatHeldIsFound() {
    finds(
        "TaskExited",
        "task/greedy",
        "--breaks",
        "--where",
        "count(task where phase == RUNNING) == 3");
    finds(
        "TaskExited",
        "task/greedy",
        "--breaks",
        "--where",
        "task[greedy].phase == RUNNING".replace("[greedy]", "[\"greedy\"]"));
  }

  @Test
  void invariantsThatHoldAreNotFoundBroken() {
    for (String name :
        new String[] {
          "task-has-container",
          "running-task-has-shim",
          "container-has-pod",
          "address-once",
          "exits-known"
        }) {
      Rewind.run("bisect", log, "--invariant", name).expect(1).contains("never breaks up to event");
    }
  }

  @Test
  void whatNeverHeldIsOne() {
    Rewind.run("bisect", log, "--where", "count(task) > 1000").expect(1).contains("never holds");
    Rewind.run("bisect", log, "--breaks", "--where", "count(task) > 1000")
        .expect(1)
        .contains("so it could not break");
  }

  @Test
  void aPredicateThatCannotBeUnderstoodIsOneSentenceThatHelps() {
    for (String[] bad :
        new String[][] {
          {"count(tusk) > 1", "there are node, namespace"},
          {"exists(task where fase == RUNNING)", "has no field \"fase\"; it has"},
          {"count(task", "\")\" is missing"},
          {"subject ~ \"(\"", "no regular expression"},
          {"colour == red", "asks an event for \"colour\""},
          {"task[\"web\"] ==", "lacks a value"},
          {"§", "cannot be read"},
          {"many(task)", "there are count, exists, none and unique"},
          {"(".repeat(500), "nested too deeply"},
          {"", "either --where"}
        }) {
      Rewind.Answer answer = Rewind.run("bisect", log, "--where", bad[0]).expect(2);
      assertTrue(answer.errors().contains(bad[1]), answer.errors());
      assertEquals(1, answer.errors().lines().count(), answer.errors());
    }
    assertTrue(
        Rewind.run("bisect", log, "--invariant", "peace")
            .expect(2)
            .errors()
            .contains("there are task-has-container"));
  }

  @Test
  void logTakesPredicatesOverEvents() {
    Rewind.Answer exits =
        Rewind.run("log", log, "--where", "type == TaskExited and payload.status > 100").expect(0);
    assertEquals(2, exits.text().lines().count(), exits.text());
    Rewind.run("log", log, "--where", "count(task) > 1").expect(2);
  }
}
