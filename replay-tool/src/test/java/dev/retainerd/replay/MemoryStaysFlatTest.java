package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whatever streams a history does so in a heap that is a small part of the history's size, each in
 * a JVM of its own: what it kept of every event, be it some fifty bytes, would not fit.
 */
class MemoryStaysFlatTest {
  private static final String SMALL_HEAP = "-Xmx48m";

  @TempDir Path folder;

  private void eachVerbInASmallHeap(long events, List<List<String>> verbs) throws Exception {
    Path log = folder.resolve("log");
    BusyNode.write(log, events, 8, Optional.of(folder.resolve("keys")));
    for (List<String> verb : verbs) {
      List<String> command =
          new ArrayList<>(
              List.of(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  SMALL_HEAP,
                  "-XX:+UseSerialGC",
                  "--enable-native-access=ALL-UNNAMED",
                  "--sun-misc-unsafe-memory-access=allow",
                  "-cp",
                  System.getProperty("java.class.path"),
                  RewindMain.class.getName(),
                  verb.getFirst(),
                  log.toString()));
      command.addAll(verb.subList(1, verb.size()));
      Path said = folder.resolve("said");
      Process process =
          new ProcessBuilder(command)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(said.toFile())
              .start();
      assertEquals(0, process.waitFor(), () -> verb + ": " + text(said));
    }
  }

  private static String text(Path file) {
    try (Stream<String> lines = Files.lines(file)) {
      return String.join("\n", lines.limit(20).toList());
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Test
  void verifyAndStatsOfAHistoryLargerThanTheHeap() throws Exception {
    eachVerbInASmallHeap(100_000, List.of(List.of("verify"), List.of("stats")));
  }

  /** 160 MB of events. */
  @Test
  @Tag("soak")
  void everyVerbOfFourHundredThousandEvents() throws Exception {
    List<List<String>> verbs =
        new ArrayList<>(
            List.of(
                List.of("verify"),
                List.of("log", "--json"),
                List.of("stats"),
                List.of("what-if"),
                List.of("state", "--no-snapshots", "--no-index"),
                List.of("state", "--at", "2026-11-24T00:00:30Z", "--no-index"),
                List.of("diff", "1000", "end", "--no-index"),
                List.of("bundle", "--to", "500", "-o", folder.resolve("b.evidence").toString())));
    for (String format :
        List.of(
            "jsonl",
            "csv",
            "cloudevents",
            "otlp-logs",
            "otlp-spans",
            "timesketch",
            "perfetto",
            "html")) {
      verbs.add(List.of("export", "--format", format));
    }
    eachVerbInASmallHeap(400_000, verbs);
    assertTrue(Files.size(folder.resolve("b.evidence")) > 1_000);
  }
}
