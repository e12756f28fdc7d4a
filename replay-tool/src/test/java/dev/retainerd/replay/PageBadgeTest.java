package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the line on top of an exported page says was verified, and what was not. */
class PageBadgeTest {
  @TempDir Path folder;
  private Path log;

  @BeforeEach
  void aSignedLog() {
    log = folder.resolve("log");
    BusyNode.write(log, 60_000, 6, Optional.of(folder.resolve("keys")));
  }

  private JsonObject about(int code, String... options) throws IOException {
    Path page = folder.resolve("page.html");
    Object[] all = new Object[6 + options.length];
    System.arraycopy(new Object[] {"export", log, "--format", "html", "-o", page}, 0, all, 0, 6);
    System.arraycopy(options, 0, all, 6, options.length);
    Rewind.run(all).expect(code);
    String text = Files.readString(page);
    int at = text.indexOf("const ABOUT=") + "const ABOUT=".length();
    return JsonParser.parseString(text.substring(at, text.indexOf(";\nconst BEFORE")))
        .getAsJsonObject();
  }

  /** Changes a byte in about the middle of the records. */
  private void damage() throws IOException {
    Path records;
    try (Stream<Path> files = Files.walk(log)) {
      records = files.filter(f -> f.toString().endsWith(".cq4")).sorted().findFirst().orElseThrow();
    }
    byte[] bytes = Files.readAllBytes(records);
    long used = bytes.length;
    while (used > 0 && bytes[(int) used - 1] == 0) {
      used--;
    }
    bytes[(int) used / 2] ^= 1;
    Files.write(records, bytes);
  }

  @Test
  void aWholePageIsOfAWholeHistoryWithItsCheckpoints() throws IOException {
    JsonObject about = about(0);
    assertTrue(about.get("all").getAsBoolean());
    assertEquals("", about.get("bad").getAsString());
    assertEquals(1, about.get("first").getAsLong());
    assertTrue(about.get("lastGood").getAsLong() >= 60_000, about::toString);
    assertTrue(about.get("signed").getAsString().contains("signed checkpoints hold"));
  }

  @Test
  void aPartIsVerifiedWithTheCheckpointsAroundItAndSaysSo() throws IOException {
    JsonObject about = about(0, "--from", "50000", "--to", "50100");
    assertFalse(about.get("all").getAsBoolean());
    assertEquals("", about.get("bad").getAsString());
    long first = about.get("first").getAsLong();
    long last = about.get("lastGood").getAsLong();
    assertTrue(first > 1 && first <= 50_000 && last >= 50_100 && last < 60_000, about::toString);
    assertTrue(about.get("signed").getAsString().contains("signed checkpoint"), about::toString);
    JsonObject byTime =
        about(0, "--from", "2026-11-24T00:00:01Z", "--to", "2026-11-24T00:00:01.1Z");
    assertFalse(byTime.get("all").getAsBoolean());
    assertTrue(byTime.get("lastGood").getAsLong() < 60_000, byTime::toString);
  }

  @Test
  void damageElsewhereIsFoundOnlyWhenAskedFor() throws IOException {
    damage();
    // What ran before the page's events is folded from all of them: that answer has a gap.
    JsonObject part = about(1, "--from", "50000", "--to", "50100");
    assertEquals("", part.get("bad").getAsString());
    assertFalse(part.get("all").getAsBoolean());
    JsonObject all = about(1, "--from", "50000", "--to", "50100", "--verify-all");
    assertTrue(all.get("all").getAsBoolean());
    assertFalse(all.get("bad").getAsString().isEmpty());
    assertFalse(about(1).get("bad").getAsString().isEmpty());
  }

  @Test
  void aSignatureOfAnotherKeyShowsOnThePage() throws IOException {
    Path other = folder.resolve("other");
    BusyNode.write(other, 20, 6, Optional.of(folder.resolve("otherkeys")));
    Files.copy(
        other.resolve("checkpoint.pub"),
        log.resolve("checkpoint.pub"),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    assertTrue(
        about(0, "--from", "50000", "--to", "50100")
            .get("bad")
            .getAsString()
            .contains("is not that of key"));
  }
}
