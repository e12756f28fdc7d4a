package dev.retainerd.runtime.archive;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes a tar archive entry by entry, in POSIX's format with PAX headers where a name or number
 * does not fit. The same entries give the same bytes. For one thread; the caller closes the stream.
 */
public final class TarWriter {
  private static final int BLOCK = 512;
  private static final int NAME_MAX = 100;
  private static final long OCTAL_11_MAX = (1L << 33) - 1;
  private static final long OCTAL_7_MAX = (1L << 21) - 1;
  private static final byte[] ZEROS = new byte[BLOCK];

  private final OutputStream out;
  private long remaining;
  private long padding;

  public TarWriter(OutputStream out) {
    this.out = out;
  }

  /** Begins an entry; for a file, exactly {@link TarEntry#size} bytes have to follow. */
  public void begin(TarEntry entry) throws IOException {
    if (remaining > 0) {
      throw new IllegalStateException(remaining + " bytes of the entry before are missing");
    }
    out.write(ZEROS, 0, (int) padding);
    byte[] pax = pax(entry);
    if (pax.length > 0) {
      header("PaxHeaders.0/" + tail(entry.name()), 'x', 0644, 0, 0, pax.length, 0, "", 0, 0);
      out.write(pax);
      out.write(ZEROS, 0, (int) pad(pax.length));
    }
    long size = entry.kind() == TarEntry.Kind.FILE ? entry.size() : 0;
    header(
        entry.name(),
        type(entry.kind()),
        entry.mode(),
        entry.uid() & 0xffffffffL,
        entry.gid() & 0xffffffffL,
        size,
        entry.modifiedSeconds(),
        entry.link(),
        entry.deviceMajor(),
        entry.deviceMinor());
    remaining = size;
    padding = pad(size);
  }

  /** Writes bytes of the file that was begun. */
  public void write(byte[] bytes, int offset, int length) throws IOException {
    if (length > remaining) {
      throw new IllegalStateException("the entry was announced with fewer bytes");
    }
    out.write(bytes, offset, length);
    remaining -= length;
  }

  /** A whole file of some bytes, mode 0644 and of no time, as in archives of images. */
  public void file(String name, byte[] bytes) throws IOException {
    begin(TarEntry.plain(name, TarEntry.Kind.FILE, 0444, bytes.length));
    write(bytes, 0, bytes.length);
  }

  /** Ends the archive. */
  public void finish() throws IOException {
    if (remaining > 0) {
      throw new IllegalStateException(remaining + " bytes of the last entry are missing");
    }
    out.write(ZEROS, 0, (int) padding);
    padding = 0;
    out.write(ZEROS);
    out.write(ZEROS);
    out.flush();
  }

  private static long pad(long size) {
    return (BLOCK - size % BLOCK) % BLOCK;
  }

  private static char type(TarEntry.Kind kind) {
    return switch (kind) {
      case FILE -> '0';
      case HARDLINK -> '1';
      case SYMLINK -> '2';
      case CHARACTER_DEVICE -> '3';
      case BLOCK_DEVICE -> '4';
      case DIRECTORY -> '5';
      case FIFO -> '6';
    };
  }

  private static byte[] pax(TarEntry entry) {
    Map<String, byte[]> records = new TreeMap<>();
    if (!fits(entry.name())) {
      records.put("path", latin(entry.name()));
    }
    if (!fits(entry.link())) {
      records.put("linkpath", latin(entry.link()));
    }
    number(records, "size", entry.size(), OCTAL_11_MAX);
    number(records, "uid", entry.uid() & 0xffffffffL, OCTAL_7_MAX);
    number(records, "gid", entry.gid() & 0xffffffffL, OCTAL_7_MAX);
    if (entry.modifiedNanos() != 0) {
      records.put("mtime", latin(time(entry.modifiedSeconds(), entry.modifiedNanos())));
    } else {
      number(records, "mtime", entry.modifiedSeconds(), OCTAL_11_MAX);
    }
    entry.xattrs().forEach((name, value) -> records.put("SCHILY.xattr." + name, value));
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    records.forEach((key, value) -> all.writeBytes(record(key, value)));
    return all.toByteArray();
  }

  private static String time(long seconds, int nanos) {
    if (seconds < 0) {
      // What is written is one number: -1.25 stands for second -2 and 750 million nanoseconds.
      return "-%d.%09d".formatted(-seconds - 1, 1_000_000_000 - nanos);
    }
    return "%d.%09d".formatted(seconds, nanos);
  }

  private static void number(Map<String, byte[]> records, String key, long value, long most) {
    if (value < 0 || value > most) {
      records.put(key, latin(Long.toString(value)));
    }
  }

  /** A record tells its own length, the digits of that included. */
  private static byte[] record(String key, byte[] value) {
    int bare = key.length() + value.length + 3;
    int length = bare + Integer.toString(bare).length();
    if (Integer.toString(length).length() > Integer.toString(bare).length()) {
      length = bare + Integer.toString(length).length();
    }
    byte[] start = latin(length + " " + key + "=");
    byte[] whole = Arrays.copyOf(start, start.length + value.length + 1);
    System.arraycopy(value, 0, whole, start.length, value.length);
    whole[whole.length - 1] = '\n';
    return whole;
  }

  private static boolean fits(String name) {
    return name.length() <= NAME_MAX && name.chars().allMatch(c -> c > 0 && c < 0x80);
  }

  /** The end of a name for the header of its PAX records, which nobody reads. */
  private static String tail(String name) {
    String ascii = name.replaceAll("[^!-~]", "_");
    int most = NAME_MAX - "PaxHeaders.0/".length();
    return ascii.length() <= most ? ascii : ascii.substring(ascii.length() - most);
  }

  private void header(
      String name,
      char type,
      int mode,
      long uid,
      long gid,
      long size,
      long seconds,
      String link,
      int major,
      int minor)
      throws IOException {
    byte[] block = new byte[BLOCK];
    text(block, 0, NAME_MAX, name);
    octal(block, 100, 8, mode);
    octal(block, 108, 8, Math.min(uid, OCTAL_7_MAX));
    octal(block, 116, 8, Math.min(gid, OCTAL_7_MAX));
    octal(block, 124, 12, Math.min(size, OCTAL_11_MAX));
    octal(block, 136, 12, Math.max(0, Math.min(seconds, OCTAL_11_MAX)));
    block[156] = (byte) type;
    text(block, 157, NAME_MAX, link);
    text(block, 257, 6, "ustar");
    block[263] = '0';
    block[264] = '0';
    octal(block, 329, 8, major);
    octal(block, 337, 8, minor);
    Arrays.fill(block, 148, 156, (byte) ' ');
    int sum = 0;
    for (byte b : block) {
      sum += b & 0xff;
    }
    octal(block, 148, 7, sum);
    out.write(block);
  }

  private static void text(byte[] block, int at, int most, String text) {
    byte[] bytes = latin(text);
    System.arraycopy(bytes, 0, block, at, Math.min(bytes.length, most));
  }

  /** Digits with a NUL behind them. */
  private static void octal(byte[] block, int at, int length, long value) {
    long left = value;
    for (int i = at + length - 2; i >= at; i--) {
      block[i] = (byte) ('0' + (left & 7));
      left >>= 3;
    }
    block[at + length - 1] = 0;
  }

  private static byte[] latin(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }
}
