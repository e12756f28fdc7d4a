package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.Strictness;
import com.google.gson.internal.Streams;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What all verbs have in common: exit codes, JSON, no colours where no terminal is. */
class EveryVerbTest {
  @TempDir Path folder;
  private Path log;
  private Path evidence;

  @BeforeEach
  void aDay() {
    log = folder.resolve("log");
    evidence = folder.resolve("case.evidence");
    NodeStory.aDay(log);
    Rewind.run("bundle", log, "-o", evidence).expect(0);
  }

  /** Every verb with what it takes, on {@code where}; {@code open} on evidence. */
  private Map<String, List<Object>> verbs(Path where) {
    return Map.ofEntries(
        Map.entry("verify", List.of(where)),
        Map.entry("log", List.of(where)),
        Map.entry("state", List.of(where)),
        Map.entry("diff", List.of(where, "9", "end")),
        Map.entry("timeline", List.of(where, "web", "--no-index")),
        Map.entry("explain", List.of(where, "web", "--no-index")),
        Map.entry("bisect", List.of(where, "--where", "exists(task where oom_killed)")),
        Map.entry("what-if", List.of(where)),
        Map.entry("stats", List.of(where)),
        Map.entry("export", List.of(where, "--format", "jsonl")),
        Map.entry("bundle", List.of(where, "-o", folder.resolve("b.evidence"))),
        Map.entry("redact", List.of(where, "-o", folder.resolve("r.evidence"))),
        Map.entry("index", List.of(where, "--index", folder.resolve("index"))),
        Map.entry("open", List.of(where.equals(log) ? evidence : where)));
  }

  private static Rewind.Answer run(String verb, List<Object> arguments, String... more) {
    List<Object> all = new ArrayList<>(List.of(verb));
    all.addAll(arguments);
    all.addAll(List.of(more));
    return Rewind.run(all.toArray());
  }

  /** As strict as RFC 8259 is; and nothing behind it. */
  private static JsonElement strict(String text) {
    try {
      JsonReader reader = new JsonReader(new StringReader(text));
      reader.setStrictness(Strictness.STRICT);
      JsonElement element = Streams.parse(reader);
      assertEquals(JsonToken.END_DOCUMENT, reader.peek());
      return element;
    } catch (IOException e) {
      throw new AssertionError("this is no JSON: " + text, e);
    }
  }

  @Test
  void theTestKnowsEveryVerb() {
    TreeSet<String> told = new TreeSet<>();
    Rewind.run("--help")
        .text()
        .lines()
        .dropWhile(line -> !line.startsWith("Commands:"))
        .skip(1)
        .filter(line -> line.matches("  [a-z].*"))
        .forEach(line -> told.add(line.strip().split(" ", 2)[0]));
    assertEquals(new TreeSet<>(verbs(log).keySet()), told);
  }

  @Test
  void jsonIsValidFromEveryVerbAndHasNoColours() {
    verbs(log)
        .forEach(
            (verb, arguments) -> {
              String text = run(verb, arguments, "--json", "--color", "always").expect(0).text();
              assertFalse(text.isBlank(), verb);
              assertFalse(text.contains("\033"), () -> verb + " colours its JSON: " + text);
              if (List.of("log", "timeline", "export").contains(verb)) {
                text.lines().forEach(line -> assertTrue(strict(line).isJsonObject(), verb));
              } else {
                assertTrue(strict(text).isJsonObject() || strict(text).isJsonArray(), verb);
              }
            });
  }

  @Test
  void zeroWhereItHolds() {
    verbs(log).forEach((verb, arguments) -> run(verb, arguments).expect(0));
  }

  /** On a history with a gap nobody says that all is well; evidence is not made of it at all. */
  @Test
  void oneWhereItDoesNotHold() throws IOException {
    damage();
    verbs(log)
        .forEach(
            (verb, arguments) -> {
              boolean refuses = List.of("bundle", "redact", "index").contains(verb);
              if (!verb.equals("open")) {
                Rewind.Answer answer = run(verb, arguments).expect(refuses ? 2 : 1);
                assertFalse(answer.text().isEmpty() && answer.errors().isEmpty(), verb);
              }
            });
    Rewind.run("bisect", log, "--where", "count(task) > 1000").expect(1);
    byte[] bytes = Files.readAllBytes(evidence);
    bytes[bytes.length / 3] ^= 1;
    Files.write(evidence, bytes);
    int code = Rewind.run("open", evidence).code();
    assertTrue(code == 1 || code == 2, "code " + code);
  }

  @Test
  void twoWhereItCannotLook() {
    Path nowhere = folder.resolve("nowhere");
    verbs(nowhere)
        .forEach(
            (verb, arguments) -> {
              Rewind.Answer answer = run(verb, arguments, "--json").expect(2);
              assertEquals("", answer.text(), verb);
              assertEquals(1, answer.errors().lines().count(), answer.errors());
            });
    verbs(log).forEach((verb, arguments) -> run(verb, arguments, "--no-such-option").expect(2));
    verbs(log).forEach((verb, arguments) -> Rewind.run(verb).expect(2));
  }

  private void damage() throws IOException {
    Path records;
    try (Stream<Path> files = Files.walk(log)) {
      records = files.filter(f -> f.toString().endsWith(".cq4")).findFirst().orElseThrow();
    }
    byte[] bytes = Files.readAllBytes(records);
    // In the life of web, so that whoever asks for that meets it.
    int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("task/web");
    bytes[at] = 'T';
    Files.write(records, bytes);
  }
}
