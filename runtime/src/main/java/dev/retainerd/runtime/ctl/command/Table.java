package dev.retainerd.runtime.ctl.command;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/**
 * Rows in aligned columns, laid out as the tables of ctr and crictl are, so that scripts that cut
 * those cut ours. Not thread-safe.
 */
public final class Table {
  private final int minWidth;
  private final int padding;
  private final boolean padLast;
  private final List<String[]> rows = new ArrayList<>();

  private Table(int minWidth, int padding, boolean padLast, String... header) {
    this.minWidth = minWidth;
    this.padding = padding;
    this.padLast = padLast;
    rows.add(header);
  }

  /** Four spaces between columns and after the last: containers, tasks, content. */
  public static Table wide(String... header) {
    return new Table(4, 4, true, header);
  }

  /** One space between columns: images, namespaces, snapshots. */
  public static Table narrow(String... header) {
    return new Table(1, 1, true, header);
  }

  /** As crictl prints: three spaces or more, columns at least twenty wide, the last one open. */
  public static Table cri(String... header) {
    return new Table(20, 3, false, header);
  }

  public Table row(Object... cells) {
    String[] texts = new String[cells.length];
    for (int i = 0; i < cells.length; i++) {
      texts[i] = String.valueOf(cells[i]);
    }
    rows.add(texts);
    return this;
  }

  public void print(PrintStream out) {
    int[] widths = widths();
    for (String[] row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < row.length; i++) {
        line.append(row[i]);
        if (i < row.length - 1 || padLast) {
          line.repeat(' ', widths[i] - row[i].codePointCount(0, row[i].length()));
        }
      }
      out.println(line);
    }
  }

  private int[] widths() {
    int[] widths = new int[rows.getFirst().length];
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        int cell = row[i].codePointCount(0, row[i].length()) + padding;
        widths[i] = Math.max(widths[i], Math.max(minWidth, cell));
      }
    }
    return widths;
  }
}
