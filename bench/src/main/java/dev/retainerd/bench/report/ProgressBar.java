package dev.retainerd.bench.report;

import dev.retainerd.bench.measure.Interleaving;
import java.io.PrintStream;

/** A bar that is drawn over itself on a terminal, and nothing at all where there is none. */
public final class ProgressBar implements Interleaving.Progress {
  private static final int WIDTH = 40;
  private static final String CLEAR = "\r\u001b[K";

  private final PrintStream out;
  private final boolean shown;
  private final String title;
  private final long started = System.nanoTime();

  /** Draws to {@code out} when {@code shown}. */
  public ProgressBar(PrintStream out, boolean shown, String title) {
    this.out = out;
    this.shown = shown;
    this.title = title;
    if (shown) {
      out.print(CLEAR + title + ": getting ready");
      out.flush();
    }
  }

  @Override
  public void advanced(int done, int all) {
    if (!shown) {
      return;
    }
    int filled = WIDTH * done / all;
    long seconds = (System.nanoTime() - started) / 1_000_000_000L;
    out.print(CLEAR + title + " [" + "#".repeat(filled) + ".".repeat(WIDTH - filled) + "] ");
    out.print(done + "/" + all + ", " + seconds + " s");
    if (done == all) {
      out.print(CLEAR);
    }
    out.flush();
  }
}
