package dev.retainerd.replay.index;

import dev.retainerd.eventlog.Envelope;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * The index of one stretch of a log: words, sorted, and for each the sequences of its events.
 *
 * <pre>
 * "RTIX", format (4), node (2 + UTF-8), first and last sequence (8 + 8), hash of the last event (32)
 * per 1,024 events, or fewer at the end: the earliest and the latest of their times (8 + 8)
 * number of words (4)
 * per word: offset of it in what follows (4)
 * per word: length (2), UTF-8; length of its sequences (4); sequences as differences, varints
 * CRC-32C of all before (4)
 * </pre>
 *
 * <p>Immutable.
 */
final class Segment {
  private static final int MAGIC = 0x52544958;
  private static final int FORMAT = 3;

  /** Of so many events, one after the other, the earliest and the latest time are kept. */
  private static final int SPAN_EVENTS = 1024;

  private static final long BYTES_MAX = 1L << 30;

  private final ByteBuffer bytes;
  private final String node;
  private final long first;
  private final long last;
  private final byte[] lastHash;
  private final int times;
  private final int count;
  private final int table;

  private Segment(Path file, byte[] content) throws IOException {
    this.bytes = ByteBuffer.wrap(content);
    CRC32C crc = new CRC32C();
    int end = Math.max(0, content.length - 4);
    crc.update(content, 0, end);
    if (content.length < 64 || bytes.getInt(end) != (int) crc.getValue()) {
      throw new IOException(file + " is damaged");
    }
    if (bytes.getInt() != MAGIC || bytes.getInt() != FORMAT) {
      throw new IOException(file + " is no index of this version");
    }
    byte[] name = new byte[Short.toUnsignedInt(bytes.getShort())];
    bytes.get(name);
    this.node = new String(name, StandardCharsets.UTF_8);
    this.first = bytes.getLong();
    this.last = bytes.getLong();
    this.lastHash = new byte[Envelope.HASH_BYTES];
    bytes.get(lastHash);
    this.times = bytes.position();
    bytes.position(times + 16 * spans());
    this.count = bytes.getInt();
    this.table = bytes.position();
  }

  /** Reads one and checks it. */
  static Segment read(Path file) throws IOException {
    if (Files.size(file) > BYTES_MAX) {
      throw new IOException(file + " is larger than any index");
    }
    try {
      return new Segment(file, Files.readAllBytes(file));
    } catch (RuntimeException e) {
      throw new IOException(file + " is damaged", e);
    }
  }

  String node() {
    return node;
  }

  long first() {
    return first;
  }

  long last() {
    return last;
  }

  boolean endsWith(Envelope event) {
    return event.sequence() == last && Arrays.equals(event.hash(), lastHash);
  }

  /** A few events, one after the other, and between which times they lie. */
  record Span(long first, long last, long earliest, long latest) {}

  /** How many spans there are. */
  int spans() {
    return (int) ((last - first) / SPAN_EVENTS) + 1;
  }

  /** One of them, from 0 on. */
  Span span(int i) {
    long begin = first + (long) i * SPAN_EVENTS;
    return new Span(
        begin,
        Math.min(last, begin + SPAN_EVENTS - 1),
        bytes.getLong(times + 16 * i),
        bytes.getLong(times + 16 * i + 8));
  }

  private int entry(int i) {
    return table + 4 * count + bytes.getInt(table + 4 * i);
  }

  private byte[] word(int i) {
    int at = entry(i);
    byte[] word = new byte[Short.toUnsignedInt(bytes.getShort(at))];
    bytes.get(at + 2, word);
    return word;
  }

  /** The first word that is not before {@code wanted}. */
  private int lower(byte[] wanted) {
    int low = 0;
    int high = count;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (Arrays.compareUnsigned(word(middle), wanted) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** The sequences under a word. */
  List<Long> sequences(String term) {
    byte[] wanted = term.getBytes(StandardCharsets.UTF_8);
    int i = lower(wanted);
    if (i == count || !Arrays.equals(word(i), wanted)) {
      return List.of();
    }
    int at = entry(i) + 2 + wanted.length;
    ByteBuffer in = bytes.slice(at + 4, bytes.getInt(at));
    List<Long> found = new ArrayList<>();
    long sequence = first;
    while (in.hasRemaining()) {
      long step = 0;
      int shift = 0;
      byte b;
      do {
        b = in.get();
        step |= (long) (b & 0x7f) << shift;
        shift += 7;
      } while (b < 0);
      sequence += step;
      found.add(sequence);
    }
    return found;
  }

  /** Words that begin so; no more than {@code most}. */
  List<String> beginning(String prefix, int most) {
    byte[] wanted = prefix.getBytes(StandardCharsets.UTF_8);
    List<String> found = new ArrayList<>();
    for (int i = lower(wanted); i < count && found.size() < most; i++) {
      byte[] word = word(i);
      if (word.length < wanted.length
          || !Arrays.equals(word, 0, wanted.length, wanted, 0, wanted.length)) {
        break;
      }
      found.add(new String(word, StandardCharsets.UTF_8));
    }
    return found;
  }

  /** Collects words and sequences, which must rise, and writes them. Not thread-safe. */
  static final class Builder {
    private final long first;
    private final Map<String, Postings> words = new TreeMap<>(Segment::compareUtf8);
    private long size;
    private long[] times = new long[128];
    private int spans;

    Builder(long first) {
      this.first = first;
    }

    /** About how many bytes it takes in memory. */
    long size() {
      return size;
    }

    void add(String term, long sequence) {
      Postings postings = words.get(term);
      if (postings == null) {
        postings = new Postings(first);
        words.put(term, postings);
        size += 150 + 2L * term.length();
      }
      size += postings.add(sequence);
    }

    /** Notes the time of the next event; they come one after the other, without a gap. */
    void time(long sequence, long nanos) {
      int at = (int) ((sequence - first) / SPAN_EVENTS);
      if (at == spans) {
        spans++;
        size += 16;
        times = 2 * spans > times.length ? Arrays.copyOf(times, 2 * times.length) : times;
        times[2 * at] = nanos;
        times[2 * at + 1] = nanos;
      }
      times[2 * at] = Math.min(times[2 * at], nanos);
      times[2 * at + 1] = Math.max(times[2 * at + 1], nanos);
    }

    /** Writes the file; it is there as a whole or not at all. */
    void write(Path file, String node, Envelope last) throws IOException {
      ByteArrayOutputStream entries = new ByteArrayOutputStream();
      DataOutputStream entriesOut = new DataOutputStream(entries);
      ByteArrayOutputStream content = new ByteArrayOutputStream();
      DataOutputStream out = new DataOutputStream(content);
      out.writeInt(MAGIC);
      out.writeInt(FORMAT);
      out.writeUTF(node);
      out.writeLong(first);
      out.writeLong(last.sequence());
      out.write(last.hash());
      for (int i = 0; i < 2 * spans; i++) {
        out.writeLong(times[i]);
      }
      out.writeInt(words.size());
      for (Map.Entry<String, Postings> word : words.entrySet()) {
        out.writeInt(entriesOut.size());
        byte[] text = word.getKey().getBytes(StandardCharsets.UTF_8);
        entriesOut.writeShort(text.length);
        entriesOut.write(text);
        entriesOut.writeInt(word.getValue().length);
        entriesOut.write(word.getValue().bytes, 0, word.getValue().length);
      }
      entries.writeTo(out);
      byte[] all = content.toByteArray();
      CRC32C crc = new CRC32C();
      crc.update(all);
      Path fresh = file.resolveSibling(file.getFileName() + ".part");
      try (OutputStream disk = Files.newOutputStream(fresh)) {
        disk.write(all);
        disk.write(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
      }
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static int compareUtf8(String a, String b) {
    return Arrays.compareUnsigned(
        a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));
  }

  /** Sequences as differences, in varints. */
  private static final class Postings {
    private byte[] bytes = new byte[8];
    private int length;
    private long before;

    Postings(long first) {
      this.before = first;
    }

    int add(long sequence) {
      int from = length;
      long step = sequence - before;
      before = sequence;
      do {
        if (length == bytes.length) {
          bytes = Arrays.copyOf(bytes, 2 * length);
        }
        long rest = step >>> 7;
        bytes[length++] = (byte) (step & 0x7f | (rest == 0 ? 0 : 0x80));
        step = rest;
      } while (step != 0);
      return length - from;
    }
  }
}
