package dev.retainerd.replay.verb;

/** The version of this program. */
public final class Version {

  private Version() {}

  /** Such as {@code 0.1.0}. */
  public static String text() {
    String packaged = Version.class.getPackage().getImplementationVersion();
    return packaged == null ? "0.1.0" : packaged;
  }
}
