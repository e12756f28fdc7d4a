package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Evidence files: made of a signed log, checked by themselves, and changed in every part. */
class EvidenceTest {
  @TempDir Path folder;
  private Path log;
  private Path keys;
  private Path file;

  @BeforeEach
  void aSignedDay() {
    log = folder.resolve("root/log");
    keys = folder.resolve("keys");
    file = folder.resolve("case.evidence");
    NodeStory.signedDay(folder.resolve("root"), keys);
  }

  private Path bundle(String... more) {
    Object[] arguments = new Object[more.length + 4];
    arguments[0] = "bundle";
    arguments[1] = log;
    arguments[2] = "-o";
    arguments[3] = file;
    System.arraycopy(more, 0, arguments, 4, more.length);
    Rewind.run(arguments).expect(0);
    return file;
  }

  private static Map<String, byte[]> unzip(Path file) throws IOException {
    Map<String, byte[]> parts = new LinkedHashMap<>();
    try (ZipFile zip = new ZipFile(file.toFile())) {
      for (Enumeration<? extends ZipEntry> e = zip.entries(); e.hasMoreElements(); ) {
        ZipEntry entry = e.nextElement();
        try (InputStream in = zip.getInputStream(entry)) {
          parts.put(entry.getName(), in.readAllBytes());
        }
      }
    }
    return parts;
  }

  private static void zip(Path file, Map<String, byte[]> parts) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (Map.Entry<String, byte[]> part : parts.entrySet()) {
        zip.putNextEntry(new ZipEntry(part.getKey()));
        zip.write(part.getValue());
        zip.closeEntry();
      }
    }
    Files.write(file, bytes.toByteArray());
  }

  /** Changes a part and writes the sums anew, as a forger would. */
  private void forge(String name, byte[] content) throws Exception {
    Map<String, byte[]> parts = unzip(file);
    parts.put(name, content);
    StringBuilder sums = new StringBuilder();
    for (Map.Entry<String, byte[]> part : parts.entrySet()) {
      if (!part.getKey().equals("SHA256SUMS")) {
        byte[] hash = java.security.MessageDigest.getInstance("SHA-256").digest(part.getValue());
        sums.append(java.util.HexFormat.of().formatHex(hash)).append("  ").append(part.getKey());
        sums.append('\n');
      }
    }
    parts.put("SHA256SUMS", sums.toString().getBytes(StandardCharsets.UTF_8));
    zip(file, parts);
  }

  @Test
  void aWholeLogBecomesEvidenceThatHoldsByItself() throws IOException {
    bundle();
    Path elsewhere = Files.move(file, folder.resolve("elsewhere.zip"));
    Rewind.run("open", elsewhere)
        .expect(0)
        .contains("holds:", "signed checkpoint", "whole: events 1 to ");
    Rewind.Answer verified = Rewind.run("verify", elsewhere, "--json").expect(0);
    assertTrue(verified.json().get("holds").getAsBoolean());
    assertEquals(
        Rewind.run("verify", log, "--json").json().get("head"), verified.json().get("head"));
  }

  @Test
  void everyVerbReadsEvidenceAsItReadsTheLog() {
    bundle();
    for (String[] verb :
        new String[][] {
          {"log"},
          {"state", "--at", "20"},
          {"stats"},
          {"what-if"},
          {"timeline", "web"},
          {"explain", "greedy"},
          {"diff", "20", "40"}
        }) {
      Object[] onLog = new Object[verb.length + 1];
      Object[] onFile = new Object[verb.length + 1];
      onLog[0] = onFile[0] = verb[0];
      onLog[1] = log;
      onFile[1] = file;
      System.arraycopy(verb, 1, onLog, 2, verb.length - 1);
      System.arraycopy(verb, 1, onFile, 2, verb.length - 1);
      Rewind.Answer expected = Rewind.run(onLog).expect(0);
      assertEquals(expected.text(), Rewind.run(onFile).expect(0).text(), verb[0]);
    }
  }

  @Test
  void aSliceIsProvenByTheCheckpointsAroundIt() {
    bundle("--from", "10", "--to", "20");
    Rewind.run("open", file)
        .expect(0)
        .contains("11 events", "signed checkpoint", "whole: events 10 to 20");
    Rewind.run("state", file).expect(2);
  }

  @Test
  void theLifeOfOneContainerIsProvenWithoutTheEventsOfOthers() throws IOException {
    bundle("--about", NodeStory.BATCH);
    Rewind.Answer opened = Rewind.run("open", file, "--json").expect(0);
    assertFalse(opened.json().getAsJsonObject("manifest").get("dense").getAsBoolean());
    Rewind.run("explain", file, NodeStory.BATCH.substring(0, 12))
        .expect(0)
        .contains("exited with code 7");
    String events = new String(unzip(file).get("events"), StandardCharsets.ISO_8859_1);
    assertFalse(events.contains("greedy"), "events of another container");
    Rewind.Answer state = Rewind.run("state", file).expect(2);
    assertTrue(state.errors().contains("selected events only"), state.errors());
  }

  @Test
  void redactedEvidenceHoldsNoSecretAndHasTheSameHead() throws IOException {
    bundle();
    assertTrue(holds(unzip(file), "hunter2"), "the story has a secret");
    String head = Rewind.run("verify", file, "--json").json().get("head").getAsString();
    Rewind.run("redact", log, "-o", file).expect(0);
    assertFalse(holds(unzip(file), "hunter2"), "a secret is left");
    Rewind.Answer verified = Rewind.run("verify", file, "--json").expect(0);
    assertEquals(head, verified.json().get("head").getAsString());
    assertTrue(verified.json().get("redacted").getAsLong() > 0);
    assertFalse(
        Rewind.run("log", file, "--json", "--show-secrets").expect(0).text().contains("hunter2"));
    Rewind.run("state", file).expect(0).contains("shop");
  }

  @Test
  void rulesSayWhichEventsLoseTheirSecrets() throws IOException {
    Rewind.run("redact", log, "-o", file, "--where", "namespace == nowhere").expect(0);
    assertTrue(holds(unzip(file), "hunter2"));
    Rewind.run("redact", log, "-o", file, "--rule", "annotations").expect(0);
    assertFalse(holds(unzip(file), "hunter2"));
    Rewind.run("redact", log, "-o", file, "--where", "subject ~ sandbox/ab").expect(0);
    assertFalse(holds(unzip(file), "hunter2"));
    assertTrue(
        Rewind.run("redact", log, "-o", file, "--rule", "everything")
            .expect(2)
            .errors()
            .contains("there are all, env, args, annotations, credentials"));
  }

  private static boolean holds(Map<String, byte[]> parts, String text) {
    return parts.values().stream()
        .anyMatch(bytes -> new String(bytes, StandardCharsets.ISO_8859_1).contains(text));
  }

  @Test
  void aChangeInAnyPartIsNamed() throws IOException {
    bundle();
    byte[] whole = Files.readAllBytes(file);
    for (String name : unzip(file).keySet()) {
      Files.write(file, whole);
      Map<String, byte[]> parts = unzip(file);
      byte[] part = parts.get(name);
      if (part.length == 0) {
        continue;
      }
      part[part.length / 2] ^= 1;
      zip(file, parts);
      Rewind.Answer answer = Rewind.run("open", file);
      assertTrue(answer.code() == 1 || answer.code() == 2, name + ": " + answer);
      assertEquals(2, Rewind.run("timeline", file, "web").code(), name);
    }
  }

  @Test
  void forgedEventsWithFreshSumsDoNotHold() throws Exception {
    bundle();
    byte[] events = unzip(file).get("events");
    byte[] changed = events.clone();
    int at = new String(events, StandardCharsets.ISO_8859_1).indexOf("greedy");
    changed[at] = 'G';
    forge("events", changed);
    Rewind.run("open", file).expect(1).contains("broken");
    forge("events", java.util.Arrays.copyOf(events, events.length - 7));
    Rewind.run("open", file).expect(1).contains("broken");
    forge("events", events);
    Rewind.run("open", file).expect(0);
  }

  @Test
  void aFileMadeUpAsAWholeIsCaughtByAKeyKeptElsewhere() throws IOException {
    bundle();
    Path kept = Files.copy(log.resolve("checkpoint.pub"), folder.resolve("kept.pub"));
    Path forged = folder.resolve("forged");
    NodeStory.signedDay(forged, folder.resolve("other-keys"));
    Rewind.run("bundle", forged.resolve("log"), "-o", file).expect(0);
    Rewind.run("open", file).expect(0);
    Rewind.run("open", file, "--key", kept).expect(1).contains("signature");
  }

  /** A second reader, made by the description alone, in another language. */
  @Test
  @Tag("real")
  void aStrangersProgramComesToTheSameResult() throws Exception {
    Path script = folder.resolve("check.py");
    try (InputStream in = EvidenceTest.class.getResourceAsStream("check_evidence.py")) {
      Files.copy(in, script);
    }
    for (String[] more :
        new String[][] {
          {},
          {"--from", "10", "--to", "20"},
          {"--about", "greedy"},
          {"--about", NodeStory.BATCH, "--redact", "all"}
        }) {
      bundle(more);
      assertEquals(0, python(script), String.join(" ", more));
    }
    byte[] events = unzip(file).get("events");
    events[events.length - 3] ^= 1;
    forge("events", events);
    assertEquals(1, python(script));
  }

  private int python(Path script) throws Exception {
    return new ProcessBuilder("python3", script.toString(), file.toString())
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve("python.out").toFile())
        .start()
        .waitFor();
  }

  @Test
  void halfABundleIsOneSentence() throws IOException {
    bundle();
    byte[] whole = Files.readAllBytes(file);
    for (int length : new int[] {0, 1, 100, whole.length / 2, whole.length - 1}) {
      Files.write(file, java.util.Arrays.copyOf(whole, length));
      Rewind.Answer answer = Rewind.run("open", file).expect(2);
      assertEquals(1, answer.errors().lines().count(), answer.errors());
      assertTrue(answer.errors().contains("get a whole copy"), answer.errors());
    }
    Files.writeString(file, "not a zip at all");
    Rewind.run("verify", file).expect(2);
    zip(file, Map.of("hello.txt", new byte[3]));
    assertTrue(Rewind.run("verify", file).expect(2).errors().contains("is no evidence file"));
  }

  @Test
  void aHistoryThatDoesNotHoldBecomesNoEvidence() throws IOException {
    Path records;
    try (var files = Files.walk(log)) {
      records = files.filter(f -> f.toString().endsWith(".cq4")).findFirst().orElseThrow();
    }
    byte[] bytes = Files.readAllBytes(records);
    int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("greedy");
    bytes[at] = 'G';
    Files.write(records, bytes);
    Rewind.Answer answer = Rewind.run("bundle", log, "-o", file).expect(2);
    assertTrue(answer.errors().contains("does not hold"), answer.errors());
    assertFalse(Files.exists(file));
    assertFalse(Files.exists(folder.resolve("case.evidence.part")));
  }
}
