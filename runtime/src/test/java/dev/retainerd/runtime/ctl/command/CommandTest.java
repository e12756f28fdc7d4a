package dev.retainerd.runtime.ctl.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.retainerd.runtime.error.Refusal;
import io.grpc.Status;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Tables, times, labels and sentences. */
class CommandTest {

  private static String print(Table table) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    table.print(new PrintStream(out, true, StandardCharsets.UTF_8));
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void tablesAreLaidOutAsCtrDoes() {
    assertEquals(
        "CONTAINER    IMAGE    RUNTIME    \nx            -        r          \n",
        print(Table.wide("CONTAINER", "IMAGE", "RUNTIME").row("x", "-", "r")));
    assertEquals(
        "NAME LABELS \nfoo  a=b    \n", print(Table.narrow("NAME", "LABELS").row("foo", "a=b")));
  }

  @Test
  void lengthsOfTimeAreRead() {
    assertEquals(90 * 60_000, Times.millis("1h30m"));
    assertEquals(500, Times.millis("500ms"));
    assertEquals(10_000, Times.millis("10"));
    assertEquals(0, Times.millis("0"));
    for (String bad : List.of("", "soon", "10 s", "-5s", "5x")) {
      assertThrows(CommandFailure.class, () -> Times.millis(bad), bad);
    }
  }

  @Test
  void labelsAreReadAndWritten() {
    assertEquals(Map.of("a", "b=c", "d", "", "e", ""), Labels.parse(List.of("a=b=c", "d=", "e")));
    assertEquals("-", Labels.text(Map.of()));
    assertEquals("a=1,b=2", Labels.text(Map.of("b", "2", "a", "1")));
  }

  @Test
  void whateverGoesWrongIsOneSentence() {
    Path socket = Path.of("/nowhere/sock");
    assertEquals("gone", Sentences.of(Refusal.notFound("gone"), socket));
    assertEquals(
        "the thing is not there",
        Sentences.of(
            Status.NOT_FOUND.withDescription("the thing is not there").asRuntimeException(),
            socket));
    assertEquals(
        "first; second", Sentences.of(new IllegalStateException("first\n  second\n"), socket));
    assertEquals(
        "no shim answers",
        Sentences.of(
            Status.UNAVAILABLE.withDescription("no shim answers").asRuntimeException(), socket));
  }
}
