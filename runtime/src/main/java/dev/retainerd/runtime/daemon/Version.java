package dev.retainerd.runtime.daemon;

/** The version of this build. */
public final class Version {
  /** As {@code --version} prints it. */
  public static final String NAME = "0.1.0";

  private Version() {}
}
