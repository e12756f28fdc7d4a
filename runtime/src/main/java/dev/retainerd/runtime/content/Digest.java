package dev.retainerd.runtime.content;

import dev.retainerd.runtime.digest.Sha256;
import dev.retainerd.runtime.error.Refusal;
import java.security.MessageDigest;
import java.util.HexFormat;

/**
 * The sha256 of some bytes, written {@code sha256:HEX} as OCI does. Immutable.
 *
 * @param hex 64 lower-case hexadecimal digits
 */
public record Digest(String hex) implements Comparable<Digest> {
  private static final String PREFIX = "sha256:";
  private static final int HEX_LENGTH = 64;

  public Digest {
    if (!isHex(hex)) {
      throw Refusal.invalidArgument("\"" + hex + "\" is not 64 lower-case hexadecimal digits");
    }
  }

  /**
   * Reads {@code sha256:HEX}.
   *
   * @throws Refusal invalid argument, where it is anything else
   */
  public static Digest parse(String text) {
    if (!isDigest(text)) {
      throw Refusal.invalidArgument(
          "\"" + text + "\" is not a digest; write sha256: and 64 lower-case hexadecimal digits");
    }
    return new Digest(text.substring(PREFIX.length()));
  }

  /** Whether {@link #parse} would take it. */
  public static boolean isDigest(String text) {
    return text.startsWith(PREFIX) && isHex(text.substring(PREFIX.length()));
  }

  /** The digest of some bytes. */
  public static Digest of(byte[] bytes) {
    MessageDigest running = Sha256.forBytes(bytes.length);
    running.update(bytes);
    return finish(running);
  }

  /** The digest of what {@code running} has seen; it is reset. */
  static Digest finish(MessageDigest running) {
    return new Digest(HexFormat.of().formatHex(running.digest()));
  }

  private static boolean isHex(String text) {
    if (text.length() != HEX_LENGTH) {
      return false;
    }
    for (int i = 0; i < HEX_LENGTH; i++) {
      char c = text.charAt(i);
      if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
        return false;
      }
    }
    return true;
  }

  @Override
  public int compareTo(Digest other) {
    return hex.compareTo(other.hex);
  }

  /** {@code sha256:HEX}. */
  @Override
  public String toString() {
    return PREFIX + hex;
  }
}
