package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FollowTest {
  @TempDir Path folder;

  @Test
  void eventsThatComeAreShownAcrossARestartOfTheDaemon() throws Exception {
    Path log = folder.resolve("log");
    NodeStory.aDay(log);
    long last = Rewind.run("verify", log, "--json").json().get("lastGoodSequence").getAsLong();
    CompletableFuture<Rewind.Answer> following =
        CompletableFuture.supplyAsync(
            () -> Rewind.run("log", log, "--from", last, "-f", "--to", last + 4));
    try (NodeStory more = NodeStory.goesOn(log)) {
      more.daemonStarts(120, true).after(5).recovers().after(20).shimStarts("late");
      more.containerRuns("default", NodeStory.CTR, "late", "", "late", 99);
    }
    Rewind.Answer shown = following.get(60, TimeUnit.SECONDS).expect(0);
    assertEquals(5, shown.text().lines().count(), shown.text());
    assertTrue(shown.text().contains("shim late"), shown.text());
  }
}
