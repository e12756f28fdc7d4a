package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.store.proto.NamespaceEntry;
import dev.retainerd.store.rocks.CatchUp;
import dev.retainerd.store.rocks.RocksStore;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The verbs on a day of a made-up node, see {@link NodeStory#aDay}. */
class RewindTest {
  @TempDir Path folder;

  private final ByteArrayOutputStream errors = new ByteArrayOutputStream();
  private final PrintStream realErrors = System.err;
  private Path log;

  @BeforeEach
  void aDay() {
    System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
    log = folder.resolve("log");
    NodeStory.aDay(log);
  }

  @AfterEach
  void giveBackErrors() {
    System.setErr(realErrors);
  }

  private record Answer(int code, String text, String errors) {}

  private Answer rewind(String... arguments) {
    errors.reset();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int code = RewindMain.run(new PrintStream(out, true, StandardCharsets.UTF_8), arguments);
    return new Answer(
        code, out.toString(StandardCharsets.UTF_8), errors.toString(StandardCharsets.UTF_8));
  }

  private static void contains(String text, String... parts) {
    for (String part : parts) {
      assertTrue(text.contains(part), () -> "\"" + part + "\" is not in:\n" + text);
    }
  }

  @Test
  void aWholeLogVerifies() {
    Answer answer = rewind("verify", log.toString());
    assertEquals(0, answer.code(), answer.errors());
    String[] lines = answer.text().split("\n");
    contains(lines[lines.length - 1], "whole: events 1 to ", "in 1 generation, head ");
  }

  @Test
  void aStoreIsComparedWithWhatTheEventsMake() throws IOException {
    Path store = folder.resolve("store");
    try (EventLog open = ChronicleEventLog.open(LogOptions.standard(log));
        RocksStore built = CatchUp.open(store, open).store()) {
      assertEquals(open.lastSequence(), built.appliedSequence());
    }
    Answer same = rewind("verify", log.toString(), "--store", store.toString());
    assertEquals(0, same.code(), same.text() + same.errors());
    contains(same.text(), "store:  at event ", "the same as the events make", "whole: ");
    try (EventLog open = ChronicleEventLog.open(LogOptions.standard(log));
        RocksStore forged = CatchUp.open(store, open).store()) {
      forged.apply(
          open.lastSequence(),
          List.of(
              Delta.put(
                  Kind.NAMESPACE.key("", "forged"),
                  NamespaceEntry.newBuilder().setName("forged").build())));
    }
    Answer other = rewind("verify", log.toString(), "--store", store.toString());
    assertEquals(1, other.code(), other.text() + other.errors());
    contains(other.text(), "namespace/forged is in the store, and no event made it");
    Answer none = rewind("verify", log.toString(), "--store", folder.resolve("no").toString());
    assertEquals(2, none.code(), none.text());
    contains(none.errors(), folder.resolve("no") + " cannot be read");
  }

  @Test
  void aChangedByteIsFoundAndTheLastGoodEventNamed() throws IOException {
    Path records = records();
    try (RandomAccessFile file = new RandomAccessFile(records.toFile(), "rw")) {
      byte[] bytes = Files.readAllBytes(records);
      int at = indexOf(bytes, "hunter2");
      file.seek(at);
      file.write('H');
    }
    Answer answer = rewind("verify", log.toString(), "--json");
    assertEquals(1, answer.code(), answer.text());
    JsonObject tree = JsonParser.parseString(answer.text()).getAsJsonObject();
    assertFalse(tree.get("holds").getAsBoolean());
    assertEquals(4, tree.get("lastGoodSequence").getAsLong());
  }

  @Test
  void aHeadNotedElsewhereCatchesACutHistory() {
    Answer forged = rewind("verify", log.toString(), "--head", "00".repeat(32));
    assertEquals(1, forged.code());
    contains(forged.text(), "no event of this log has the hash");
  }

  @Test
  void aHistoryWrittenAnewIsNoticedByCheckpointsKeptElsewhere() throws IOException {
    Path kept = folder.resolve("kept");
    NodeStory.signed(folder.resolve("signed"), kept);
    Path signed = folder.resolve("signed/log");
    Answer whole = rewind("verify", signed.toString());
    assertEquals(0, whole.code(), whole.text());
    contains(whole.text(), "signed checkpoint holds, up to event 2");
    Answer anew =
        rewind(
            "verify",
            log.toString(),
            "--checkpoints",
            signed.resolve("checkpoints").toString(),
            "--key",
            signed.resolve("checkpoint.pub").toString());
    assertEquals(1, anew.code(), anew.text());
    contains(anew.text(), "are not those that their checkpoint was signed for");
  }

  private Path records() throws IOException {
    try (Stream<Path> files = Files.walk(log)) {
      return files.filter(f -> f.toString().endsWith(".cq4")).findFirst().orElseThrow();
    }
  }

  private static int indexOf(byte[] bytes, String text) {
    byte[] wanted = text.getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i + wanted.length <= bytes.length; i++) {
      if (java.util.Arrays.equals(bytes, i, i + wanted.length, wanted, 0, wanted.length)) {
        return i;
      }
    }
    throw new AssertionError(text + " is not in the file");
  }

  @Test
  void aContainerThatExitsWhileNoDaemonLivesIsExplained() {
    Answer answer = rewind("explain", log.toString(), NodeStory.BATCH.substring(0, 12));
    assertEquals(0, answer.code(), answer.errors());
    contains(
        answer.text(),
        "(batch) exited with code 7 at 2026-11-24T",
        "of its own accord",
        "its shim had written it down",
        "no daemon lived at that moment");
  }

  @Test
  void aContainerOutOfMemoryIsExplained() {
    contains(
        rewind("explain", log.toString(), "greedy").text(),
        "was ended by SIGKILL (code 137)",
        "why: it ran out of its memory limit");
  }

  @Test
  void aStoppedContainerIsExplainedByItsCaller() {
    contains(
        rewind("explain", log.toString(), "web").text(),
        "a stop was asked for at",
        "kubelet (pid 812, uid 0, /usr/bin/kubelet)",
        "SIGTERM did not end it within 10.0 s, so SIGKILL followed");
  }

  @Test
  void aTimelineHasDurationsDeathsOfTheDaemonAndOpenIntents() {
    Answer answer = rewind("timeline", log.toString(), "web");
    assertEquals(0, answer.code(), answer.errors());
    contains(
        answer.text(),
        "(took 41 ms)",
        "daemon 0.1.0 started as pid 110; the one before it had not stopped cleanly",
        "has no outcome: container web is being removed",
        "1 without outcome");
  }

  @Test
  void aProcessIdLeadsToItsContainer() {
    Answer answer = rewind("timeline", log.toString(), "303");
    assertEquals(0, answer.code(), answer.errors());
    contains(answer.text(), "container greedy");
    contains(answer.errors(), "pid 303 was a process of greedy");
    assertEquals(2, rewind("timeline", log.toString(), "7").code());
  }

  @Test
  void theStateInTheMiddleIsThatOfThen() {
    Answer before = rewind("state", log.toString(), "--at", "2026-11-24T00:00:30Z");
    contains(before.text(), "RUNNING", "shop", "10.1.0.7");
    assertFalse(before.text().contains("greedy"));
    Answer after = rewind("state", log.toString());
    contains(after.text(), "137 (OOMKilled)", "EXITED", "REMOVING");
  }

  @Test
  void aDiffNamesTheEventOfEachChange() {
    Answer answer = rewind("diff", log.toString(), "2026-11-24T00:00:30Z", "end");
    assertEquals(0, answer.code(), answer.errors());
    contains(answer.text(), "task k8s.io web RUNNING -> STOPPED", "by event ");
  }

  @Test
  void eventsAreFiltered() {
    Answer answer =
        rewind("log", log.toString(), "--type", "TaskExited", "--namespace", "k8s.io", "--json");
    assertEquals(2, answer.text().lines().count(), answer.text());
    assertEquals(0, rewind("log", log.toString(), "--actor", "nobody").text().length());
  }

  @Test
  void secretsAreShownOnlyWhenAskedFor() {
    String[] events = {"log", log.toString(), "--type", "SandboxCreating", "--json"};
    assertFalse(rewind(events).text().contains("hunter2"));
    contains(rewind(events).text(), "‹secret ");
    contains(
        rewind("log", log.toString(), "--type", "SandboxCreating", "--json", "--show-secrets")
            .text(),
        "hunter2");
  }

  @Test
  void everyFormatIsWritten() {
    for (String format : new String[] {"jsonl", "csv", "cloudevents", "timesketch"}) {
      Answer answer = rewind("export", log.toString(), "--format", format);
      assertEquals(0, answer.code(), answer.errors());
      assertTrue(answer.text().lines().count() > 20, format);
      assertFalse(answer.text().contains("hunter2"), format);
    }
    JsonObject trace =
        JsonParser.parseString(rewind("export", log.toString(), "--format", "perfetto").text())
            .getAsJsonObject();
    assertTrue(trace.getAsJsonArray("traceEvents").size() > 20);
    String page = rewind("export", log.toString(), "--format", "html").text();
    contains(page, "<!doctype html>", "const EVENTS=[", "</html>");
    assertFalse(page.contains("src=") || page.contains("@import") || page.contains("hunter2"));
  }

  @Test
  void thisVersionFoldsTheHistory() {
    Answer answer = rewind("what-if", log.toString());
    assertEquals(0, answer.code(), answer.text());
  }

  @Test
  void statsTellOperations() {
    contains(rewind("stats", log.toString()).text(), "create task", "daemon starts: 2");
  }

  @Test
  void nothingIsWrittenIntoTheFolder() throws IOException {
    Map<String, FileTime> before = listing();
    rewind("verify", log.toString());
    rewind("state", log.toString());
    rewind("timeline", log.toString(), "web");
    Answer refused =
        rewind("export", log.toString(), "--format", "csv", "-o", log.resolve("x.csv").toString());
    assertEquals(2, refused.code());
    assertEquals(before, listing());
  }

  private Map<String, FileTime> listing() throws IOException {
    Map<String, FileTime> all = new TreeMap<>();
    try (Stream<Path> files = Files.walk(log)) {
      for (Path file : files.toList()) {
        all.put(file + " " + Files.size(file), Files.getLastModifiedTime(file));
      }
    }
    return all;
  }

  @Test
  void whatCannotBeLookedAtIsOneSentenceAndTwo() throws IOException {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    Path foreign = Files.createDirectory(folder.resolve("foreign"));
    Files.writeString(foreign.resolve("generation-0001"), "not a folder");
    Path file = Files.writeString(folder.resolve("file"), "x");
    for (String bad :
        new String[] {empty.toString(), foreign.toString(), file.toString(), folder + "/nowhere"}) {
      for (String[] verb :
          new String[][] {
            {"verify", bad}, {"log", bad}, {"state", bad}, {"timeline", bad, "web"}, {"stats", bad}
          }) {
        Answer answer = rewind(verb);
        assertEquals(2, answer.code(), bad);
        assertEquals(1, answer.errors().lines().count(), answer.errors());
        assertTrue(answer.errors().startsWith("rewind: "), answer.errors());
      }
    }
  }

  @Test
  void anUnknownSubjectGetsNearMatches() {
    Answer answer = rewind("timeline", log.toString(), "wbe");
    assertEquals(2, answer.code());
    contains(answer.errors(), "the history knows nothing of \"wbe\"; did you mean web?");
  }

  @Test
  void aPointBeforeTheLogIsRefused() {
    Answer answer = rewind("state", log.toString(), "--at", "2020-01-01T00:00:00Z");
    assertEquals(2, answer.code());
    contains(answer.errors(), "lies before the log begins");
    assertEquals(2, rewind("state", log.toString(), "--at", "yesterday-ish").code());
    assertEquals(2, rewind("frobnicate", log.toString()).code());
  }
}
