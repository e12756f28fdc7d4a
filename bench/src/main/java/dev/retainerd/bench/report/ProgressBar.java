package dev.retainerd.bench.report;

import dev.retainerd.bench.measure.Interleaving;
import java.io.PrintStream;

/** A bar that is drawn over itself on a terminal, and nothing at all where there is none. */
public final class ProgressBar implements Interleaving.Progress {
  private static final int WIDTH = 40;

  private final PrintStream out;
  private final boolean shown;
  private final String title;

  /** Draws to {@code out} when {@code shown}. */
  public ProgressBar(PrintStream out, boolean shown, String title) {
    this.out = out;
    this.shown = shown;
    this.title = title;
  }

  @Override
  public void advanced(int done, int all) {
    if (!shown) {
      return;
    }
    int filled = WIDTH * done / all;
    out.print("\r" + title + " [" + "#".repeat(filled) + ".".repeat(WIDTH - filled) + "] ");
    out.print(done + "/" + all);
    if (done == all) {
      out.print("\r" + " ".repeat(title.length() + WIDTH + 30) + "\r");
    }
    out.flush();
  }
}
