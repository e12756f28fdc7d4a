package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.files.Archiving;
import dev.retainerd.eventlog.files.Generation;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An archive's folder by itself, without the log that it was taken from. */
class ArchiveFolderTest {
  @TempDir Path folder;
  private Path log;
  private Path archive;

  @BeforeEach
  void packed() throws IOException {
    log = folder.resolve("log");
    archive = Files.createDirectory(folder.resolve("elsewhere"));
    NodeStory.aDay(log);
    try (NodeStory more = NodeStory.goesOn(log)) {
      more.containerRuns("default", NodeStory.CTR, "late", "", "late", 99);
    }
    for (Generation generation : ReadOnlyLog.open(log).generations()) {
      Archiving.pack(generation, archive, Archiving.Boundary.NONE);
    }
  }

  @Test
  void everyVerbAnswersAsTheLogDoes() {
    Map<String, String> before = Rewind.listing(archive);
    for (List<String> verb :
        List.of(
            List.of("log"),
            List.of("state"),
            List.of("state", "--at", "20", "--json"),
            List.of("diff", "20", "40"),
            List.of("timeline", "web", "--no-index"),
            List.of("explain", "greedy", "--no-index"),
            List.of("bisect", "--where", "exists(task where oom_killed)"),
            List.of("stats"),
            List.of("what-if"),
            List.of("export", "--format", "csv"))) {
      Rewind.Answer packed = on(archive, verb).expect(0);
      assertEquals(on(log, verb).expect(0).text(), packed.text(), verb.getFirst());
      assertTrue(packed.errors().contains("is an archive by itself"), packed.errors());
    }
    assertEquals(
        Rewind.run("verify", log, "--json").json().get("head"),
        Rewind.run("verify", archive, "--json").expect(0).json().get("head"));
    Rewind.run("verify", archive).contains("in 2 generations");
    Path evidence = folder.resolve("case.evidence");
    Rewind.run("bundle", archive, "-o", evidence).expect(0);
    Rewind.run("open", evidence).expect(0);
    assertEquals(2, Rewind.run("bundle", archive, "-o", archive.resolve("x")).code());
    assertEquals(before, Rewind.listing(archive));
  }

  private static Rewind.Answer on(Path where, List<String> verb) {
    return Rewind.run(
        Stream.concat(Stream.of(verb.getFirst(), where), verb.subList(1, verb.size()).stream())
            .toArray());
  }

  @Test
  void aByteThatChangedInItIsFound() throws IOException {
    Path records = archive.resolve("generation-0001/records.zst");
    byte[] whole = Files.readAllBytes(records);
    for (int at = 100; at < whole.length - 100; at += Math.max(1, whole.length / 20)) {
      byte[] bytes = whole.clone();
      bytes[at] ^= 0x10;
      Files.write(records, bytes);
      int code = Rewind.run("verify", archive).code();
      assertTrue(code == 1 || code == 2, "byte " + at + ": code " + code);
    }
  }

  @Test
  void aGenerationThatIsMissingInItIsAGap() throws IOException {
    try (NodeStory more = NodeStory.goesOn(log)) {
      more.containerRuns("default", NodeStory.CTR, "later", "", "later", 98);
    }
    Archiving.pack(ReadOnlyLog.open(log).generations().getLast(), archive, Archiving.Boundary.NONE);
    try (Stream<Path> files = Files.walk(archive.resolve("generation-0002"))) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
    Rewind.run("verify", archive).expect(1).contains("broken", "cannot be read");
    Rewind.run("state", archive).expect(1);
  }
}
