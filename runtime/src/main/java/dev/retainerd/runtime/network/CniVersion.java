package dev.retainerd.runtime.network;

import java.util.Comparator;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A version of the CNI specification, as a configuration names it. */
record CniVersion(int major, int minor, int patch) implements Comparable<CniVersion> {
  static final CniVersion V0_3_0 = new CniVersion(0, 3, 0);
  static final CniVersion V0_4_0 = new CniVersion(0, 4, 0);
  static final CniVersion V1_1_0 = new CniVersion(1, 1, 0);

  private static final Pattern FORM = Pattern.compile("(\\d{1,4})\\.(\\d{1,4})\\.(\\d{1,4})");
  private static final Comparator<CniVersion> ORDER =
      Comparator.comparingInt(CniVersion::major)
          .thenComparingInt(CniVersion::minor)
          .thenComparingInt(CniVersion::patch);

  static Optional<CniVersion> parse(String text) {
    Matcher matcher = FORM.matcher(text);
    return matcher.matches()
        ? Optional.of(
            new CniVersion(
                Integer.parseInt(matcher.group(1)),
                Integer.parseInt(matcher.group(2)),
                Integer.parseInt(matcher.group(3))))
        : Optional.empty();
  }

  /** Lists with prevResult came with 0.3.0; a later 1.x only adds. */
  boolean isSupported() {
    return atLeast(V0_3_0) && major <= 1;
  }

  boolean atLeast(CniVersion other) {
    return compareTo(other) >= 0;
  }

  @Override
  public int compareTo(CniVersion other) {
    return ORDER.compare(this, other);
  }

  @Override
  public String toString() {
    return major + "." + minor + "." + patch;
  }
}
