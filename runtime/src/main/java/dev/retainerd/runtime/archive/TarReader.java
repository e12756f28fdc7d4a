package dev.retainerd.runtime.archive;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Reads a tar archive entry by entry: the formats of POSIX (ustar, PAX) and GNU (long names, sparse
 * files), as tar(5) describes them.
 *
 * <p>It is our own because names and extended attributes must survive as bytes, and because what a
 * header may take of memory must be bounded. For one thread. A broken archive is refused with
 * invalid argument.
 */
public final class TarReader {
  private static final int BLOCK = 512;

  /**
   * A long name or a PAX header: Linux's own bounds (4 KiB paths, 64 KiB attributes) times some.
   */
  private static final int EXTENSION_BYTES_MAX = 1 << 20;

  private static final int SPARSE_PIECES_MAX = 100_000;

  private final InputStream in;
  private final byte[] block = new byte[BLOCK];
  private String current = "";
  private long remaining;
  private long padding;
  private boolean ended;

  /** Reads from {@code in}, which should be buffered; the caller closes it. */
  public TarReader(InputStream in) {
    this.in = in;
  }

  /**
   * The next entry, or empty after the last; skips what of the current one was not read.
   *
   * @throws Refusal invalid argument, where the archive is broken
   */
  public Optional<TarEntry> next() throws IOException {
    skip(remaining + padding);
    remaining = 0;
    padding = 0;
    PaxHeader pax = PaxHeader.NONE;
    String longName = null;
    String longLink = null;
    while (!ended) {
      if (!readHeader()) {
        ended = true;
        return Optional.empty();
      }
      long size = number(124, 12);
      char type = (char) (block[156] & 0xff);
      switch (type) {
        case 'x' -> pax = PaxHeader.parse(extension(size, "a PAX header"));
        case 'g' -> extension(size, "a global PAX header");
        case 'L' -> longName = terminated(extension(size, "a long name"));
        case 'K' -> longLink = terminated(extension(size, "a long link name"));
        default -> {
          return Optional.of(entry(type, size, pax, longName, longLink));
        }
      }
    }
    return Optional.empty();
  }

  /** Reads bytes of the current entry; -1 at their end. */
  public int read(byte[] buffer, int offset, int length) throws IOException {
    if (remaining == 0) {
      return -1;
    }
    int read = in.read(buffer, offset, (int) Math.min(length, remaining));
    if (read < 0) {
      throw truncated();
    }
    remaining -= read;
    return read;
  }

  /** The whole of the current entry, which must have at most {@code mostBytes}. */
  public byte[] readAll(int mostBytes) throws IOException {
    if (remaining > mostBytes) {
      throw Refusal.invalidArgument(
          "entry \""
              + current
              + "\" of the archive has "
              + remaining
              + " bytes, more than the "
              + mostBytes
              + " that such a file may have");
    }
    byte[] all = new byte[(int) remaining];
    int at = 0;
    while (at < all.length) {
      at += read(all, at, all.length - at);
    }
    return all;
  }

  private TarEntry entry(char type, long size, PaxHeader pax, String longName, String longLink)
      throws IOException {
    String name =
        pax.get("GNU.sparse.name")
            .or(() -> pax.get("path"))
            .orElse(longName != null ? longName : headerName());
    current = TarEntry.shown(name);
    long stored = pax.number("size").orElse(size);
    String link = pax.get("linkpath").orElse(longLink != null ? longLink : text(157, 100));
    TarEntry.Kind kind = kind(type, name);
    // Only files have bytes behind them, whatever the size field says; GNU tar sets it for links.
    remaining = kind == TarEntry.Kind.FILE ? stored : 0;
    if (stored < 0) {
      throw Refusal.invalidArgument("entry \"" + current + "\" of the archive has a negative size");
    }
    padding = pad(remaining);
    long real = remaining;
    List<TarEntry.Piece> data = List.of(new TarEntry.Piece(0, remaining));
    if (type == 'S') {
      data = oldSparseMap();
      real = number(483, 12);
    } else if (pax.sparseMapInData()) {
      data = sparseMapInData();
      real = pax.sparseSize().orElse(real);
    } else if (pax.sparseMap().isPresent()) {
      data = pax.sparseMap().get();
      real = pax.sparseSize().orElse(real);
    }
    checkPieces(data, real);
    long[] modified = modified(pax);
    return new TarEntry(
        name,
        kind,
        (int) number(100, 8) & 07777,
        owner(pax.number("uid").orElse(number(108, 8))),
        owner(pax.number("gid").orElse(number(116, 8))),
        real,
        modified[0],
        (int) modified[1],
        kind == TarEntry.Kind.SYMLINK || kind == TarEntry.Kind.HARDLINK ? link : "",
        isDevice(kind) ? (int) number(329, 8) : 0,
        isDevice(kind) ? (int) number(337, 8) : 0,
        pax.xattrs(),
        data);
  }

  private static boolean isDevice(TarEntry.Kind kind) {
    return kind == TarEntry.Kind.CHARACTER_DEVICE || kind == TarEntry.Kind.BLOCK_DEVICE;
  }

  private TarEntry.Kind kind(char type, String name) {
    return switch (type) {
      case '0', '\0', '7', 'S' ->
          type != 'S' && name.endsWith("/") ? TarEntry.Kind.DIRECTORY : TarEntry.Kind.FILE;
      case '1' -> TarEntry.Kind.HARDLINK;
      case '2' -> TarEntry.Kind.SYMLINK;
      case '3' -> TarEntry.Kind.CHARACTER_DEVICE;
      case '4' -> TarEntry.Kind.BLOCK_DEVICE;
      case '5' -> TarEntry.Kind.DIRECTORY;
      case '6' -> TarEntry.Kind.FIFO;
      default ->
          throw Refusal.invalidArgument(
              "entry \"" + current + "\" of the archive is of the unknown kind '" + type + "'");
    };
  }

  private int owner(long id) {
    if (id < 0 || id > 0xffff_fffeL) {
      throw Refusal.invalidArgument(
          "entry \""
              + current
              + "\" of the archive belongs to "
              + id
              + ", which is no user or group");
    }
    return (int) id;
  }

  /** Seconds and nanoseconds; a time before 1970 has negative seconds and positive nanoseconds. */
  private long[] modified(PaxHeader pax) {
    Optional<String> exact = pax.get("mtime");
    if (exact.isEmpty()) {
      return new long[] {number(136, 12), 0};
    }
    String text = exact.get();
    int dot = text.indexOf('.');
    long seconds = TarNumber.decimal(dot < 0 ? text : text.substring(0, dot), "mtime");
    if (dot < 0) {
      return new long[] {seconds, 0};
    }
    String digits = (text.substring(dot + 1) + "000000000").substring(0, 9);
    long nanos = TarNumber.decimal(digits, "mtime");
    if (text.startsWith("-") && nanos > 0) {
      return new long[] {seconds - 1, 1_000_000_000L - nanos};
    }
    return new long[] {seconds, nanos};
  }

  // ---- sparse files ----

  /** GNU's old format: four pieces in the header, twenty-one in each block that follows it. */
  private List<TarEntry.Piece> oldSparseMap() throws IOException {
    List<TarEntry.Piece> pieces = new ArrayList<>();
    byte[] table = Arrays.copyOf(block, BLOCK);
    addPieces(pieces, table, 386, 4);
    boolean more = table[482] != 0;
    while (more) {
      readFully(table);
      addPieces(pieces, table, 0, 21);
      more = table[504] != 0;
      if (pieces.size() > SPARSE_PIECES_MAX) {
        throw sparseTooLong();
      }
    }
    return pieces;
  }

  private static void addPieces(List<TarEntry.Piece> into, byte[] table, int from, int count) {
    for (int i = 0; i < count; i++) {
      int at = from + i * 24;
      if (table[at] == 0) {
        return;
      }
      into.add(
          new TarEntry.Piece(TarNumber.parse(table, at, 12), TarNumber.parse(table, at + 12, 12)));
    }
  }

  /** GNU's format 1.0: decimal lines before the data, padded to a whole block. */
  private List<TarEntry.Piece> sparseMapInData() throws IOException {
    long[] used = new long[1];
    long count = line(used);
    if (count > SPARSE_PIECES_MAX) {
      throw sparseTooLong();
    }
    List<TarEntry.Piece> pieces = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      long offset = line(used);
      pieces.add(new TarEntry.Piece(offset, line(used)));
    }
    for (long i = pad(used[0]); i > 0; i--) {
      byteOfEntry();
    }
    return pieces;
  }

  private long line(long[] used) throws IOException {
    StringBuilder digits = new StringBuilder();
    int c = byteOfEntry();
    used[0]++;
    while (c != '\n') {
      if (digits.length() == 20) {
        throw sparseTooLong();
      }
      digits.append((char) c);
      c = byteOfEntry();
      used[0]++;
    }
    return TarNumber.decimal(digits.toString(), "a map of a sparse file");
  }

  private int byteOfEntry() throws IOException {
    int c = remaining == 0 ? -1 : in.read();
    if (c < 0) {
      throw truncated();
    }
    remaining--;
    return c;
  }

  private void checkPieces(List<TarEntry.Piece> pieces, long real) {
    long end = 0;
    long sum = 0;
    for (TarEntry.Piece piece : pieces) {
      if (piece.offset() < end || piece.length() < 0 || piece.length() > real - piece.offset()) {
        throw Refusal.invalidArgument(
            "entry \""
                + current
                + "\" of the archive has pieces that overlap or lie outside of it");
      }
      end = piece.offset() + piece.length();
      sum += piece.length();
    }
    if (sum != remaining) {
      throw Refusal.invalidArgument(
          "entry \""
              + current
              + "\" of the archive has a map of "
              + sum
              + " bytes for the "
              + remaining
              + " that it holds");
    }
  }

  private Refusal sparseTooLong() {
    return Refusal.invalidArgument(
        "entry \""
            + current
            + "\" of the archive has a map of more than "
            + SPARSE_PIECES_MAX
            + " pieces");
  }

  // ---- blocks ----

  /** False at the archive's end. */
  private boolean readHeader() throws IOException {
    int read = in.readNBytes(block, 0, BLOCK);
    if (read == 0) {
      return false;
    }
    if (read < BLOCK) {
      throw truncated();
    }
    int sum = 0;
    boolean zero = true;
    for (int i = 0; i < BLOCK; i++) {
      zero &= block[i] == 0;
      sum += i >= 148 && i < 156 ? ' ' : block[i] & 0xff;
    }
    if (zero) {
      return false;
    }
    if (sum != number(148, 8)) {
      throw Refusal.invalidArgument(
          current.isEmpty()
              ? "this is no tar archive: its first header has a wrong checksum"
              : "the archive has a header with a wrong checksum after entry \"" + current + "\"");
    }
    return true;
  }

  private byte[] extension(long size, String what) throws IOException {
    if (size < 0 || size > EXTENSION_BYTES_MAX) {
      throw Refusal.invalidArgument(
          "the archive has "
              + what
              + " of "
              + size
              + " bytes after entry \""
              + current
              + "\"; the bound is "
              + EXTENSION_BYTES_MAX);
    }
    byte[] body = new byte[(int) size];
    readFully(body);
    skip(pad(size));
    return body;
  }

  private void readFully(byte[] into) throws IOException {
    if (in.readNBytes(into, 0, into.length) < into.length) {
      throw truncated();
    }
  }

  private void skip(long bytes) throws IOException {
    long left = bytes;
    while (left > 0) {
      long skipped = in.skip(left);
      if (skipped <= 0) {
        if (in.read() < 0) {
          throw truncated();
        }
        skipped = 1;
      }
      left -= skipped;
    }
  }

  private Refusal truncated() {
    return Refusal.invalidArgument(
        "the archive ends in the middle"
            + (current.isEmpty() ? "" : " of or after entry \"" + current + "\"")
            + "; it is truncated");
  }

  private static long pad(long size) {
    return (BLOCK - size % BLOCK) % BLOCK;
  }

  private long number(int offset, int length) {
    return TarNumber.parse(block, offset, length);
  }

  private String headerName() {
    String name = text(0, 100);
    boolean posix = text(257, 6).equals("ustar") && block[262] == 0;
    String prefix = posix ? text(345, 155) : "";
    return prefix.isEmpty() ? name : prefix + "/" + name;
  }

  private String text(int offset, int length) {
    return terminated(Arrays.copyOfRange(block, offset, offset + length));
  }

  /** Up to the first NUL, a byte to a char. */
  private static String terminated(byte[] bytes) {
    int end = 0;
    while (end < bytes.length && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, 0, end, StandardCharsets.ISO_8859_1);
  }
}
