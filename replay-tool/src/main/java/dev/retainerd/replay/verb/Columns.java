package dev.retainerd.replay.verb;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** Rows in aligned columns, as ctr and crictl print them. Not thread-safe. */
final class Columns {
  private static final int PADDING = 3;

  private final List<String[]> rows = new ArrayList<>();

  Columns(String... header) {
    rows.add(header);
  }

  void row(Object... cells) {
    String[] texts = new String[cells.length];
    for (int i = 0; i < cells.length; i++) {
      texts[i] = String.valueOf(cells[i]);
    }
    rows.add(texts);
  }

  boolean isEmpty() {
    return rows.size() == 1;
  }

  void print(PrintStream out) {
    int[] widths = new int[rows.getFirst().length];
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        widths[i] = Math.max(widths[i], row[i].length() + PADDING);
      }
    }
    for (String[] row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < row.length - 1; i++) {
        line.append(row[i]).repeat(' ', widths[i] - row[i].length());
      }
      out.println(line.append(row[row.length - 1]));
    }
  }
}
