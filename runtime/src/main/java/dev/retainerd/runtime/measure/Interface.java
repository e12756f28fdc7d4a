package dev.retainerd.runtime.measure;

import java.util.ArrayList;
import java.util.List;

/** Traffic of one network interface since it was made. */
public record Interface(
    String name,
    long receivedBytes,
    long receivedPackets,
    long receiveErrors,
    long receiveDrops,
    long sentBytes,
    long sentPackets,
    long sendErrors,
    long sendDrops) {
  private static final int FIELDS = 16;

  /** Of the text of /proc/net/dev; the loopback is left out. */
  static List<Interface> parse(String text) {
    List<Interface> found = new ArrayList<>();
    for (String line : text.split("\n")) {
      int colon = line.indexOf(':');
      if (colon < 0) {
        continue;
      }
      String name = line.substring(0, colon).strip();
      String[] fields = line.substring(colon + 1).strip().split(" +");
      if (name.equals("lo") || fields.length < FIELDS) {
        continue;
      }
      long[] numbers = new long[FIELDS];
      for (int i = 0; i < FIELDS; i++) {
        numbers[i] = Long.parseUnsignedLong(fields[i]);
      }
      found.add(
          new Interface(
              name,
              numbers[0],
              numbers[1],
              numbers[2],
              numbers[3],
              numbers[8],
              numbers[9],
              numbers[10],
              numbers[11]));
    }
    return found;
  }
}
