package dev.retainerd.runtime.ctl.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.containerd.types.transfer.Progress;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A bar a layer, with its bytes, rate and state. */
class ProgressBarsTest {
  private static final String LAYER = "layer-sha256:" + "ab".repeat(32);

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

  private static Progress progress(String name, String event, long at, long total) {
    return Progress.newBuilder()
        .setName(name)
        .setEvent(event)
        .setProgress(at)
        .setTotal(total)
        .build();
  }

  private String shown() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void eachPartHasALineThatIsDrawnAgainInItsPlace() {
    ProgressBars bars = new ProgressBars(out, true);
    bars.tell(progress("config-sha256:01", "already exists", 100, 100));
    bars.tell(progress(LAYER, "downloading", 0, 4 << 20));
    bars.tell(progress(LAYER, "downloading", 1 << 20, 4 << 20));
    bars.end();
    String last = shown().substring(shown().lastIndexOf("\u001b[2A"));
    List<String> lines = last.replaceAll("\u001b\\[[0-9]*[A-Z]", "").lines().toList();
    assertEquals(2, lines.size(), last);
    assertTrue(lines.get(0).contains("|" + "+".repeat(24) + "|"), lines.get(0));
    assertTrue(lines.get(0).contains("already exists"), lines.get(0));
    assertTrue(lines.get(1).startsWith("layer-abababababababab"), lines.get(1));
    assertTrue(lines.get(1).contains("downloading"), lines.get(1));
    assertTrue(lines.get(1).contains("|" + "+".repeat(6) + "-".repeat(18) + "|"), lines.get(1));
    assertTrue(lines.get(1).contains("1.0 MiB/4.0 MiB"), lines.get(1));
    assertTrue(lines.get(1).endsWith("/s"), "its rate: " + lines.get(1));
  }

  @Test
  void withoutATerminalEachStateIsALineAndNothingMoves() {
    ProgressBars bars = new ProgressBars(out, false);
    bars.tell(progress(LAYER, "downloading", 0, 4 << 20));
    bars.tell(progress(LAYER, "downloading", 1 << 20, 4 << 20));
    bars.tell(progress(LAYER, "complete", 4 << 20, 4 << 20));
    bars.end();
    assertEquals(
        List.of(LAYER + ": downloading 4.0 MiB", LAYER + ": complete 4.0 MiB"),
        shown().lines().toList());
  }
}
