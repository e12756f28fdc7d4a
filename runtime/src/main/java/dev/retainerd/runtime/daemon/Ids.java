package dev.retainerd.runtime.daemon;

import java.security.SecureRandom;
import java.util.HexFormat;

/** Makes ids that nobody else has. Thread-safe. */
final class Ids {
  private static final int BYTES = 32;
  private static final int SHORT_BYTES = 6;
  private final SecureRandom random = new SecureRandom();

  /** 64 hexadecimal digits, as containerd's. */
  String next() {
    return hex(BYTES);
  }

  /** 12 hexadecimal digits, for names in socket paths, which have 107 bytes in all. */
  String nextShort() {
    return hex(SHORT_BYTES);
  }

  private String hex(int count) {
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }
}
