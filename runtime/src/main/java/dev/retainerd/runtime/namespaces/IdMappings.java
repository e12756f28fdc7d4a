package dev.retainerd.runtime.namespaces;

import java.util.ArrayList;
import java.util.List;

/**
 * Which users and groups of the node those of a user namespace are. Immutable.
 *
 * @param uids of users
 * @param gids of groups
 */
public record IdMappings(List<Range> uids, List<Range> gids) {
  /** No mapping at all: nobody is anybody. */
  public static final IdMappings NONE = new IdMappings(List.of(), List.of());

  /** The kernel takes no more lines. */
  private static final int MOST_RANGES = 340;

  public IdMappings {
    uids = List.copyOf(uids);
    gids = List.copyOf(gids);
    if (uids.size() > MOST_RANGES || gids.size() > MOST_RANGES) {
      throw new IllegalArgumentException("the kernel takes " + MOST_RANGES + " ranges at most");
    }
  }

  /**
   * Numbers that follow each other.
   *
   * @param inside the first of them in the namespace
   * @param outside the first of them on the node
   * @param length how many, at least 1
   */
  public record Range(long inside, long outside, long length) {
    private static final long END = 0xFFFF_FFFFL;

    public Range {
      if (inside < 0 || outside < 0 || length < 1) {
        throw new IllegalArgumentException("a range of ids begins at 0 or above and is not empty");
      }
      if (inside + length > END || outside + length > END) {
        throw new IllegalArgumentException("a range of ids ends below " + END);
      }
    }

    /** As the kernel's uid_map has it. */
    String line() {
      return inside + " " + outside + " " + length + "\n";
    }

    /** INSIDE:OUTSIDE:LENGTH, as mount options and labels of containerd have it. */
    @Override
    public String toString() {
      return inside + ":" + outside + ":" + length;
    }

    /** Reads what {@link #toString} writes. */
    static Range parse(String text) {
      String[] parts = text.split(":", -1);
      if (parts.length != 3) {
        throw new IllegalArgumentException(text + " is not INSIDE:OUTSIDE:LENGTH");
      }
      return new Range(
          Long.parseLong(parts[0]), Long.parseLong(parts[1]), Long.parseLong(parts[2]));
    }
  }

  /**
   * Ranges as text, with commas between them.
   *
   * @throws IllegalArgumentException (of numbers too) where it is none
   */
  public static List<Range> parse(String text) {
    List<Range> found = new ArrayList<>();
    for (String one : text.split(",", -1)) {
      found.add(Range.parse(one));
    }
    return found;
  }

  /** What {@link #parse} reads. */
  public static String text(List<Range> ranges) {
    return String.join(",", ranges.stream().map(Range::toString).toList());
  }

  /** Whom a user of the namespace is on the node; -1 for nobody. */
  public static long outside(List<Range> ranges, long inside) {
    for (Range range : ranges) {
      if (inside >= range.inside() && inside - range.inside() < range.length()) {
        return range.outside() + inside - range.inside();
      }
    }
    return -1;
  }

  static String file(List<Range> ranges) {
    return String.join("", ranges.stream().map(Range::line).toList());
  }
}
