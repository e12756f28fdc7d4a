package dev.retainerd.runtime.image;

import com.google.gson.JsonObject;

/**
 * What an image runs on. Immutable.
 *
 * @param os {@code linux}
 * @param architecture Go's name for it: {@code amd64}, {@code arm64}
 * @param variant {@code v8} and such; "" for none
 */
public record Platform(String os, String architecture, String variant) {

  /** The node's own. */
  public static Platform host() {
    return switch (System.getProperty("os.arch")) {
      case "amd64", "x86_64" -> new Platform("linux", "amd64", "");
      case "aarch64" -> new Platform("linux", "arm64", "v8");
      default -> new Platform("linux", System.getProperty("os.arch"), "");
    };
  }

  static Platform of(JsonObject json) {
    return new Platform(
        ImageJson.text(json, "os"),
        ImageJson.text(json, "architecture"),
        ImageJson.text(json, "variant"));
  }

  /**
   * How well an image of this platform runs on {@code node}: 0 not at all, more is better. An arm64
   * image without a variant is one of v8.
   */
  int fitness(Platform node) {
    if (!os.equals(node.os) || !architecture.equals(node.architecture)) {
      return 0;
    }
    if (variant.equals(node.variant)) {
      return 3;
    }
    boolean same = architecture.equals("arm64") && variant.isEmpty() && node.variant.equals("v8");
    if (same || variant.isEmpty()) {
      return 2;
    }
    return variant.compareTo(node.variant) < 0 ? 1 : 0;
  }

  /** Two platforms that are the same, however they are written, are equal like this. */
  Platform normalized() {
    return switch (architecture + "/" + variant) {
      case "arm64/v8", "arm64/8" -> new Platform(os, "arm64", "");
      case "amd64/v1", "x86_64/" -> new Platform(os, "amd64", "");
      case "aarch64/", "aarch64/v8" -> new Platform(os, "arm64", "");
      case "arm/" -> new Platform(os, "arm", "v7");
      default -> this;
    };
  }

  /** Whether what is made for this platform runs on {@code node}. */
  public boolean runsOn(Platform node) {
    return normalized().fitness(node.normalized()) > 0;
  }

  @Override
  public String toString() {
    return os + "/" + architecture + (variant.isEmpty() ? "" : "/" + variant);
  }
}
