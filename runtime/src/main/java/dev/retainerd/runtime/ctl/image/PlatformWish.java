package dev.retainerd.runtime.ctl.image;

import com.google.gson.JsonObject;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import java.util.Map;

/**
 * Which platform's images a verb is for. Immutable.
 *
 * @param os "" for any platform
 * @param variant "" for any
 */
record PlatformWish(String os, String architecture, String variant) {
  /** Whatever there is. */
  static final PlatformWish ANY = new PlatformWish("", "", "");

  /** Other names of architectures. Source: containerd's. */
  private static final Map<String, String> SAME =
      Map.of(
          "x86_64", "amd64", "x86-64", "amd64", "aarch64", "arm64", "i386", "386", "armhf", "arm");

  /** This machine's. */
  static PlatformWish here() {
    return new PlatformWish("linux", Manifests.architecture(), "");
  }

  /** {@code linux/arm64/v8}, or only {@code arm64}. */
  static PlatformWish parse(String text) {
    String[] parts = text.split("/", -1);
    for (String part : parts) {
      if (!part.matches("[A-Za-z0-9_-]+")) {
        throw CommandFailure.usage(
            "\"" + text + "\" is no platform; write it like linux/arm64 or linux/arm/v7");
      }
    }
    return switch (parts.length) {
      case 1 -> new PlatformWish("linux", known(parts[0]), "");
      case 2 -> new PlatformWish(parts[0], known(parts[1]), "");
      case 3 -> new PlatformWish(parts[0], known(parts[1]), parts[2]);
      default ->
          throw CommandFailure.usage("\"" + text + "\" is no platform: it has too many parts");
    };
  }

  private static String known(String architecture) {
    return SAME.getOrDefault(architecture, architecture);
  }

  /** Whether an entry of an index is meant, as far as it says. */
  boolean mayFit(JsonObject entry) {
    return !entry.has("platform") || fits(entry.getAsJsonObject("platform"));
  }

  /** Whether a platform, or an image's config, is meant. */
  boolean fits(JsonObject platform) {
    if (os.isEmpty()) {
      return true;
    }
    String itsOs = Manifests.text(platform, "os");
    String itsArchitecture = Manifests.text(platform, "architecture");
    return (itsOs.isEmpty() || itsOs.equals(os))
        && (itsArchitecture.isEmpty() || itsArchitecture.equals(architecture))
        && (variant.isEmpty() || variant.equals(variantOf(platform)));
  }

  /** Every arm64 is v8 where it does not say. */
  private static String variantOf(JsonObject platform) {
    String variant = Manifests.text(platform, "variant");
    boolean plain = variant.isEmpty() && Manifests.text(platform, "architecture").equals("arm64");
    return plain ? "v8" : variant;
  }

  @Override
  public String toString() {
    return os + "/" + architecture + (variant.isEmpty() ? "" : "/" + variant);
  }
}
