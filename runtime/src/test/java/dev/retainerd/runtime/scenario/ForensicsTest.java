package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * docs/forensics.md, lived through: its incident happens on a real node, and each command that it
 * shows is given and answers as shown, but for times, numbers, hashes and who the caller is.
 */
@Tag("real")
class ForensicsTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final String SHOWN_ID = "8bce5e63eed6b";
  private static final String SHOWN_ROOT = "/var/lib/retainerd";

  private static Node node;
  private static String gone;

  /** A command as it is shown, and the lines below it. */
  private record Shown(String command, List<String> lines) {}

  @BeforeAll
  static void theIncident() {
    node = Node.started();
    Pods pods = new Pods(node);
    node.importImage("k8s.io");
    String pod = pods.run("p");
    pods.start(pod, "p", "counter", Pods.COUNTER);
    gone = pods.start(pod, "p", "c1", "until [ -e /signal/go ]; do sleep 0.02; done; exit 7");
    long pid = pods.pid(gone);
    node.killDaemon();
    pods.signal("go");
    Eventually.holds("the end of c1", PATIENCE, () -> !Host.runs(pid));
    node.start();
    Eventually.holds(
        "the exit of c1 in the history",
        PATIENCE,
        () -> node.rewind("explain", root(), id()).text().contains("exited with code 7"));
    // An orderly end signs what there is by then.
    node.stopDaemon();
    node.start();
  }

  @AfterAll
  static void close() {
    if (node != null) {
      node.close();
    }
  }

  private static String root() {
    return node.root().toString();
  }

  private static String id() {
    return gone.substring(0, SHOWN_ID.length());
  }

  private static List<Shown> document() throws IOException {
    List<Shown> all = new ArrayList<>();
    boolean within = false;
    for (String line : Files.readAllLines(Path.of("..", "docs", "forensics.md"))) {
      if (line.startsWith("```")) {
        within = !within;
        all.add(new Shown("", new ArrayList<>()));
      } else if (within && line.startsWith("$ ")) {
        all.add(new Shown(line.substring(2), new ArrayList<>()));
      } else if (within) {
        all.getLast().lines().add(line);
      }
    }
    return all.stream().filter(shown -> !shown.command().isEmpty()).toList();
  }

  private static String give(String shown) {
    String command =
        shown
            .replace(SHOWN_ID, id())
            .replace(SHOWN_ROOT, root())
            .replace("case.evidence", node.folder().resolve("case.evidence").toString())
            .replace("kept.pub", node.root().resolve("log/checkpoint.pub").toString());
    Matcher words = Pattern.compile("'([^']*)'|(\\S+)").matcher(command);
    List<String> all = new ArrayList<>();
    while (words.find()) {
      all.add(words.group(1) == null ? words.group(2) : words.group(1));
    }
    String[] arguments = all.subList(1, all.size()).toArray(String[]::new);
    return switch (all.getFirst()) {
      case "retainctl" -> node.retainctl(arguments).expectSuccess();
      case "rewind" -> node.rewind(arguments).expectSuccess();
      default -> throw new AssertionError("an unknown program: " + command);
    };
  }

  /** Without what differs from one node, and one day, to the next. */
  private static String plain(String text) {
    return text.replaceAll("\\S*case\\.evidence", "FILE")
        .replaceAll("\\d{4}-\\d\\d-\\d\\dT[0-9:.]+(Z|[+-]\\d\\d:\\d\\d)", "TIME")
        .replaceAll("\\[[^\\[\\]]+ \\(pid [^\\[\\]]*\\)\\]", "[CALLER]")
        .replaceAll("\\b[0-9a-f]{12,64}\\b", "ID")
        .replaceAll("\\+?\\d+(\\.\\d+)?( (ms|s|min|h|B|KiB|MiB))?\\b", "N")
        .replaceAll("\\s+", " ")
        .strip();
  }

  private static void answers(Shown shown) {
    String answer = plain(give(shown.command()));
    int from = 0;
    for (String line : shown.lines()) {
      String[] parts = plain(line).split(Pattern.quote("..."), -1);
      String regex = String.join(".{0,80}?", Arrays.stream(parts).map(Pattern::quote).toList());
      Matcher found = Pattern.compile(regex).matcher(answer);
      assertTrue(
          found.find(from),
          () -> shown.command() + "\nshows\n  " + plain(line) + "\nbut says\n  " + answer);
      from = found.end();
    }
  }

  @Test
  void eachCommandThatIsShownAnswersSo() throws IOException {
    List<Shown> all = document();
    assertTrue(all.size() >= 7, all::toString);
    all.forEach(ForensicsTest::answers);
  }

  @Test
  void whoeverGetsTheEvidenceGetsTheSameAnswer() throws IOException {
    String file = node.folder().resolve("handed-over.evidence").toString();
    node.rewind("bundle", root(), "--about", id(), "--redact", "all", "-o", file).expectSuccess();
    String said = node.rewind("explain", file, id()).expectSuccess();
    assertTrue(said.endsWith(node.retainctl("explain", id()).expectSuccess()), said);
    assertEquals(0, node.rewind("open", file, "--key", root() + "/log/checkpoint.pub").code());
    Path page = node.folder().resolve("node.html");
    node.rewind("export", root(), "--format", "html", "-o", page.toString()).expectSuccess();
    assertTrue(Files.readString(page, StandardCharsets.UTF_8).contains("history is whole"));
  }
}
