package dev.retainerd.runtime.archive;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * The header of one entry of a tar archive. Immutable.
 *
 * <p>Names are kept as bytes, one to a char: an archive may hold names that are no valid UTF-8.
 * {@link #shown} makes one readable.
 *
 * @param name as the archive has it, a byte to a char
 * @param mode permission bits with setuid, setgid and sticky
 * @param size bytes of the file as it will be, holes included
 * @param link a link's target, a byte to a char; empty for other kinds
 * @param xattrs extended attributes by name (a byte to a char)
 * @param data where the bytes that follow belong; one piece, unless the file has holes
 */
public record TarEntry(
    String name,
    Kind kind,
    int mode,
    int uid,
    int gid,
    long size,
    long modifiedSeconds,
    int modifiedNanos,
    String link,
    int deviceMajor,
    int deviceMinor,
    Map<String, byte[]> xattrs,
    List<Piece> data) {

  /** What an entry makes. */
  public enum Kind {
    FILE,
    DIRECTORY,
    SYMLINK,
    HARDLINK,
    CHARACTER_DEVICE,
    BLOCK_DEVICE,
    FIFO
  }

  /** Bytes that stand together in the file. */
  public record Piece(long offset, long length) {}

  private static final int SHOWN_MAX = 160;

  /** An entry of root's, of no time, without attributes. */
  public static TarEntry plain(String name, Kind kind, int mode, long size) {
    return new TarEntry(
        name, kind, mode, 0, 0, size, 0, 0, "", 0, 0, Map.of(), List.of(new Piece(0, size)));
  }

  /** The name for a message: as text, and not too long. */
  public String shown() {
    return shown(name);
  }

  /** A name (a byte to a char) for a message. */
  static String shown(String name) {
    String text = new String(name.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    String quoted = text.replace("\n", "\\n").replace("\u001b", "\\e");
    return quoted.length() <= SHOWN_MAX ? quoted : quoted.substring(0, SHOWN_MAX) + "...";
  }
}
