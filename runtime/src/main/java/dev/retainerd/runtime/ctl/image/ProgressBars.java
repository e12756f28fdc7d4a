package dev.retainerd.runtime.ctl.image;

import dev.retainerd.store.words.Phrases;
import dev.retainerd.wire.containerd.types.transfer.Progress;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How far each part of a transfer is: on a terminal a line for each that is drawn again and again,
 * with a bar, bytes, rate and state; elsewhere a line whenever a part has come to another state.
 * Thread-safe.
 */
final class ProgressBars {
  private static final int BAR = 24;
  private static final int NAME = 22;
  private static final long REDRAW_NANOS = 100_000_000;

  private final PrintStream out;
  private final boolean terminal;
  private final Map<String, Part> parts = new LinkedHashMap<>();
  private int drawn;
  private long lastDrawnNanos;

  private static final class Part {
    private String state = "";
    private long bytes;
    private long total;
    private long beganNanos;
    private long beganAt;
    private long movedNanos;
  }

  ProgressBars(PrintStream out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  /** Bars where somebody can see them move. */
  static ProgressBars on(PrintStream out) {
    boolean terminal =
        System.console() != null
            && System.console().isTerminal()
            && !"dumb".equals(System.getenv("TERM"));
    return new ProgressBars(out, terminal);
  }

  synchronized void tell(Progress progress) {
    Part part = parts.computeIfAbsent(progress.getName(), name -> new Part());
    long now = System.nanoTime();
    boolean moving = isMoving(progress.getEvent());
    if (moving && !isMoving(part.state)) {
      part.beganNanos = now;
      part.beganAt = progress.getProgress();
    }
    if (moving) {
      part.movedNanos = now;
    }
    boolean other = !part.state.equals(progress.getEvent());
    part.state = progress.getEvent();
    part.bytes = Math.max(part.bytes, progress.getProgress());
    part.total = Math.max(part.total, progress.getTotal());
    if (terminal) {
      draw(other, now);
    } else if (other) {
      out.println(progress.getName() + ": " + part.state + size(part));
    }
  }

  private static boolean isMoving(String state) {
    return state.equals("downloading") || state.equals("uploading");
  }

  private static String size(Part part) {
    return part.total > 0 ? " " + Phrases.bytes(part.total) : "";
  }

  /** Draws the last state; what is printed next stands below the bars. */
  synchronized void end() {
    if (terminal) {
      draw(true, System.nanoTime());
      drawn = 0;
    }
    out.flush();
  }

  private void draw(boolean now, long nanos) {
    if (!now && nanos - lastDrawnNanos < REDRAW_NANOS) {
      return;
    }
    lastDrawnNanos = nanos;
    StringBuilder text = new StringBuilder();
    if (drawn > 0) {
      text.append("\u001b[").append(drawn).append('A');
    }
    parts.forEach((name, part) -> text.append(line(name, part)).append("\u001b[K\n"));
    drawn = parts.size();
    out.print(text);
    out.flush();
  }

  private static String line(String name, Part part) {
    int filled = part.total > 0 ? (int) (BAR * Math.min(part.bytes, part.total) / part.total) : 0;
    boolean over = !isMoving(part.state) && !part.state.equals("waiting");
    String bar = over ? "+".repeat(BAR) : "+".repeat(filled) + "-".repeat(BAR - filled);
    String rate = "";
    if (isMoving(part.state) && part.movedNanos > part.beganNanos) {
      double seconds = (part.movedNanos - part.beganNanos) / 1e9;
      rate = "  " + Phrases.bytes((long) ((part.bytes - part.beganAt) / seconds)) + "/s";
    }
    String bytes =
        part.total == 0
            ? ""
            : over
                ? Phrases.bytes(part.total)
                : Phrases.bytes(part.bytes) + "/" + Phrases.bytes(part.total);
    return "%-22s %-15s |%s| %s%s".formatted(shortened(name), part.state, bar, bytes, rate);
  }

  /** {@code layer-sha256:0123456789ab}. */
  private static String shortened(String name) {
    String plain = name.replace("sha256:", "");
    return plain.length() <= NAME ? plain : plain.substring(0, NAME);
  }
}
