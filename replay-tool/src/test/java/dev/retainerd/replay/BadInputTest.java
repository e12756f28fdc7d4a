package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.files.SmallFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What cannot be answered is one sentence, and never a part that looks whole. */
class BadInputTest {
  @TempDir Path folder;
  private Path log;

  @BeforeEach
  void aDay() {
    log = folder.resolve("log");
    NodeStory.aDay(log);
  }

  private static void refused(Rewind.Answer answer, int code, String... parts) {
    assertEquals(code, answer.code(), answer.text() + answer.errors());
    String sentence = answer.errors().lines().filter(l -> !l.contains(" note: ")).findFirst().get();
    assertTrue(sentence.startsWith("rewind: "), sentence);
    assertFalse(answer.errors().contains("\tat "), answer.errors());
    assertFalse(sentence.contains("Exception"), sentence);
    for (String part : parts) {
      assertTrue(sentence.contains(part), sentence);
    }
  }

  private List<Object[]> verbs(Path of) {
    return List.of(
        new Object[] {"verify", of},
        new Object[] {"log", of},
        new Object[] {"state", of},
        new Object[] {"diff", of, "2", "9"},
        new Object[] {"timeline", of, "web"},
        new Object[] {"explain", of, "web"},
        new Object[] {"bisect", of, "--where", "exists(task)"},
        new Object[] {"what-if", of},
        new Object[] {"stats", of},
        new Object[] {"export", of, "--format", "html"},
        new Object[] {"bundle", of, "-o", folder.resolve("x.evidence")},
        new Object[] {"redact", of, "-o", folder.resolve("x.evidence")},
        new Object[] {"index", of, "--index", folder.resolve("index")});
  }

  @Test
  void aLogOfANewerVersionIsNotReadInPart() throws IOException {
    LinkedHashMap<String, String> values = new LinkedHashMap<>();
    values.put("format", "2");
    values.put("node", "n");
    SmallFile.write(log.resolve("identity"), values, false);
    for (Object[] verb : verbs(log)) {
      refused(Rewind.run(verb), 2, "has format 2", "a newer one");
    }
  }

  @Test
  void anEventOfANewerFormatIsToldFromDamage() throws IOException {
    Path records = records(log);
    byte[] bytes = Files.readAllBytes(records);
    int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("RTEV", 40_000);
    at = at < 0 ? new String(bytes, StandardCharsets.ISO_8859_1).lastIndexOf("RTEV") : at;
    ByteBuffer event = ByteBuffer.wrap(bytes);
    event.putShort(at + 4, (short) 9);
    int length = event.getInt(at + 8);
    CRC32C crc = new CRC32C();
    crc.update(bytes, at, 12);
    crc.update(bytes, at + 16, length - 16);
    event.putInt(at + 12, (int) crc.getValue());
    Files.write(records, bytes);
    for (Object[] verb : verbs(log)) {
      // These two have their answer before they come to it.
      if (!verb[0].equals("diff") && !verb[0].equals("bisect")) {
        refused(Rewind.run(verb), 2, "has format 9");
      }
    }
    assertFalse(Files.exists(folder.resolve("x.evidence")));
  }

  @Test
  void aGenerationOfAnotherNodeIsNamed() throws IOException {
    Path other = folder.resolve("other");
    NodeStory.aDay(other);
    copy(other.resolve("generation-0001"), log.resolve("generation-0002"));
    for (Object[] verb : verbs(log)) {
      refused(Rewind.run(verb), 2, "generation-0002 belongs to node", "take it out");
    }
  }

  @Test
  void aTimeOutsideTheLogIsSaid() {
    refused(Rewind.run("state", log, "--at", "1999-01-01T00:00:00Z"), 2, "before the log begins");
    Rewind.Answer late = Rewind.run("state", log, "--at", "2199-01-01T00:00:00Z").expect(0);
    assertTrue(late.errors().contains("lies behind the log's end"), late.errors());
    refused(Rewind.run("log", log, "--from", "99999"), 2, "lies behind the log's end");
    for (String verb : List.of("log", "export")) {
      String format = verb.equals("export") ? "--format=html" : "--json";
      refused(
          Rewind.run(verb, log, format, "--from", "2199-01-01T00:00:00Z"),
          2,
          "2199-01-01T00:00:00Z lies behind the log's end: its last event is ");
    }
    refused(Rewind.run("diff", log, "30", "5"), 2, "give the earlier point first");
    refused(Rewind.run("state", log, "--at", "soon"), 2, "neither a sequence nor a time");
    refused(
        Rewind.run("bundle", log, "--from", "9999", "-o", folder.resolve("x.evidence")),
        2,
        "no event lies from");
  }

  @Test
  void aSubjectThatIsNotThereHasNearMatchesEverywhere() {
    for (String verb : List.of("timeline", "explain")) {
      refused(Rewind.run(verb, log, "wbe"), 2, "did you mean web?");
    }
    refused(
        Rewind.run("bundle", log, "--about", "gredy", "-o", folder.resolve("x.evidence")),
        2,
        "did you mean greedy?");
  }

  @Test
  void optionsThatSayNothingAreRefused() {
    refused(Rewind.run("log", log, "--zone", "Mars/Olympus"), 2, "no time zone");
    refused(Rewind.run("log", log, "--color", "pink"), 2, "--color takes");
    refused(Rewind.run("export", log, "--format", "xml"), 2, "there is no format");
    refused(Rewind.run("log", log, "--type", "Exited"), 2, "did you mean TaskExited");
    refused(Rewind.run("bundle", log, "-o", log.resolve("x")), 2, "nothing is ever written");
    refused(Rewind.run("bundle", log, "-o", folder.resolve("no/x")), 2, "there is no folder");
    refused(Rewind.run("open", log), 2, "is no evidence file");
    refused(Rewind.run("verify", log, "--head", "xyz"), 2, "64 hexadecimal digits");
    refused(Rewind.run("verify", "unix:" + folder.resolve("sock")), 2, "there is no socket");
    refused(Rewind.run("verify"), 2, "DIR");
  }

  @Test
  void timesAreReadAndPrintedInAnyZone() {
    assertTrue(
        Rewind.run("log", log, "--zone", "Europe/Vienna")
            .expect(0)
            .text()
            .contains("2026-11-24T01:00:00+01:00"));
    assertEquals(
        Rewind.run("state", log, "--at", "2026-11-24T00:00:30Z", "--json").text(),
        Rewind.run("state", log, "--at", "2026-11-24 01:00:30", "--zone", "+01:00", "--json")
            .text());
  }

  @Test
  void coloursAreOnlyWhereTheyAreWanted() {
    assertFalse(Rewind.run("verify", log).text().contains("\033["));
    assertTrue(Rewind.run("verify", log, "--color", "always").text().contains("\033[32m"));
  }

  private static Path records(Path log) throws IOException {
    try (Stream<Path> files = Files.walk(log)) {
      return files.filter(f -> f.toString().endsWith(".cq4")).findFirst().orElseThrow();
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.sorted(Comparator.naturalOrder()).toList()) {
        Files.copy(
            file,
            to.resolve(from.relativize(file).toString()),
            StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }
}
