package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ManualTest {
  private static final List<String> VERBS =
      List.of(
          "verify",
          "log",
          "state",
          "diff",
          "timeline",
          "explain",
          "bisect",
          "what-if",
          "stats",
          "export",
          "bundle",
          "open",
          "redact",
          "index");

  @TempDir Path folder;

  @Test
  void everyVerbHasAPageAndIsCompleted() throws Exception {
    Rewind.run("manual", folder, "--for-version", "9.9").expect(0);
    String root = Files.readString(folder.resolve("man/man1/rewind.1"));
    String completion = Files.readString(folder.resolve("bash-completion/completions/rewind"));
    for (String verb : VERBS) {
      String page = Files.readString(folder.resolve("man/man1/rewind-" + verb + ".1"));
      assertTrue(page.contains("rewind\\-" + verb.replace("-", "\\-") + " \\- "), page);
      assertTrue(page.contains(".SH OPTIONS") && page.contains("\\-\\-json"), page);
      assertTrue(root.contains(".B " + verb.replace("-", "\\-") + "\n"), root);
      assertTrue(completion.contains(verb), verb);
    }
    assertFalse(Files.exists(folder.resolve("man/man1/rewind-manual.1")));
    assertEquals(
        0,
        new ProcessBuilder(
                "bash", "-n", folder.resolve("bash-completion/completions/rewind").toString())
            .start()
            .waitFor());
  }

  @Test
  void helpNamesEveryVerb() throws IOException {
    String help = Rewind.run("--help").expect(0).text();
    VERBS.forEach(verb -> assertTrue(help.contains("  " + verb + " "), help));
    assertFalse(help.contains("manual"), help);
    for (String verb : VERBS) {
      assertTrue(Rewind.run(verb, "--help").expect(0).text().contains("--json"), verb);
    }
  }
}
