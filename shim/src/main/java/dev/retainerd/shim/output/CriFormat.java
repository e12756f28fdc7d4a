package dev.retainerd.shim.output;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;

/**
 * The log format of the Kubernetes CRI: {@code TIME STREAM TAG CONTENT\n} with the time as RFC 3339
 * in nanoseconds. Tag F: the content's line ended there; tag P: it goes on in the stream's next
 * entry. Pure.
 */
final class CriFormat {
  /** Longest prefix: 35 of time, 1 + 6 of stream, 1 + 1 + 1 of tag. */
  static final int MAX_PREFIX_BYTES = 48;

  private CriFormat() {}

  /** How much content an entry takes and what it writes. */
  record Step(int contentBytes, boolean full) {
    /** Bytes of the stream that this entry accounts for. */
    int streamBytes() {
      return full ? contentBytes + 1 : contentBytes;
    }
  }

  /**
   * The next entry of a stream.
   *
   * @param ended whether no more bytes are to be waited for
   * @param most bytes of content of one entry; what is longer goes on in the next
   * @return null when the bytes there are no whole entry yet
   */
  static Step next(byte[] bytes, int from, int to, boolean ended, int most) {
    int limit = (int) Math.min(to, from + most + 1L);
    for (int i = from; i < limit; i++) {
      if (bytes[i] == '\n') {
        return new Step(i - from, true);
      }
    }
    if (to - from > most) {
      return new Step(most, false);
    }
    return ended && to > from ? new Step(to - from, false) : null;
  }

  /** {@code TIME STREAM } for one moment. */
  static byte[] prefix(Instant time, String stream) {
    ZonedDateTime utc = time.atZone(ZoneOffset.UTC);
    StringBuilder text = new StringBuilder(MAX_PREFIX_BYTES);
    digits(text, utc.getYear(), 4).append('-');
    digits(text, utc.getMonthValue(), 2).append('-');
    digits(text, utc.getDayOfMonth(), 2).append('T');
    digits(text, utc.getHour(), 2).append(':');
    digits(text, utc.getMinute(), 2).append(':');
    digits(text, utc.getSecond(), 2).append('.');
    digits(text, utc.getNano(), 9).append("Z ").append(stream).append(' ');
    return text.toString().getBytes(StandardCharsets.US_ASCII);
  }

  private static StringBuilder digits(StringBuilder text, int value, int width) {
    String digits = Integer.toString(value);
    for (int i = digits.length(); i < width; i++) {
      text.append('0');
    }
    return text.append(digits);
  }

  /** Counts the stream bytes that log entries account for, entry by entry, from chunks. */
  static final class Counter {
    private final String[] streams;
    private final long[] counts;
    private final StringBuilder head = new StringBuilder(MAX_PREFIX_BYTES);
    private int spaces;
    private long content;
    private long offset;
    private long wholeUntil;

    Counter(String... streams) {
      this.streams = streams;
      this.counts = new long[streams.length];
    }

    void add(byte[] bytes, int length) {
      for (int i = 0; i < length; i++) {
        byte one = bytes[i];
        offset++;
        if (one == '\n') {
          endOfEntry();
        } else if (spaces == 3) {
          content++;
        } else {
          spaces += one == ' ' ? 1 : 0;
          if (head.length() < 128) {
            head.append((char) one);
          }
        }
      }
    }

    private void endOfEntry() {
      String[] fields = head.toString().split(" ");
      if (spaces == 3 && fields.length >= 3) {
        for (int i = 0; i < streams.length; i++) {
          if (streams[i].equals(fields[1])) {
            counts[i] += content + (fields[2].equals("F") ? 1 : 0);
          }
        }
      }
      head.setLength(0);
      spaces = 0;
      content = 0;
      wholeUntil = offset;
    }

    long count(int stream) {
      return counts[stream];
    }

    /** Bytes up to the end of the last whole entry; what follows is torn. */
    long wholeBytes() {
      return wholeUntil;
    }
  }
}
