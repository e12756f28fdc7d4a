package dev.retainerd.runtime.archive;

import dev.retainerd.runtime.error.Refusal;

/** The numbers in tar headers: octal digits, or binary where the first bit is set. */
final class TarNumber {

  private TarNumber() {}

  static long parse(byte[] block, int offset, int length) {
    if ((block[offset] & 0x80) != 0) {
      return binary(block, offset, length);
    }
    long value = 0;
    int i = offset;
    int end = offset + length;
    while (i < end && (block[i] == ' ' || block[i] == 0)) {
      i++;
    }
    for (; i < end && block[i] != ' ' && block[i] != 0; i++) {
      if (block[i] < '0' || block[i] > '7') {
        throw Refusal.invalidArgument(
            "the archive has a header with a broken number; it is damaged, or no tar archive");
      }
      value = value << 3 | (block[i] - '0');
    }
    return value;
  }

  /** Two's complement, most significant byte first, the first bit being the mark. */
  private static long binary(byte[] block, int offset, int length) {
    boolean negative = (block[offset] & 0x40) != 0;
    long value = negative ? -1L << 6 | (block[offset] & 0x3f) : block[offset] & 0x3f;
    for (int i = 1; i < length; i++) {
      long next = value << 8 | (block[offset + i] & 0xff);
      if (next >> 8 != value) {
        throw Refusal.invalidArgument("the archive has a header with a number beyond 64 bits");
      }
      value = next;
    }
    return value;
  }

  /** A decimal number of a PAX record. */
  static long decimal(String text, String what) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw Refusal.invalidArgument(
              "the archive has a header with \"" + TarEntry.shown(text) + "\" for " + what)
          .because(e);
    }
  }
}
