package dev.retainerd.runtime.linux;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What was mounted at one moment, in the order of mounting. Immutable.
 *
 * @param entries parents before their children
 */
public record MountTable(List<MountPoint> entries) {
  private static final Path SELF = Path.of("/proc/self/mountinfo");

  public MountTable {
    entries = List.copyOf(entries);
  }

  /** Reads the table of the calling process. */
  public static MountTable read() throws IOException {
    // The kernel may hand out a line half from before and half from after a change only between
    // two reads; one read of all keeps lines whole, and a missing neighbour is seen next time.
    return parse(Files.readString(SELF, StandardCharsets.UTF_8));
  }

  /**
   * Reads only what {@code path} and the paths below it are about: with many pods the whole table
   * is long, and few lines of it are anybody's business.
   */
  public static MountTable readAbout(Path path) throws IOException {
    String name = path.toString();
    String text = Files.readString(SELF, StandardCharsets.UTF_8);
    if (name.chars().anyMatch(MountTable::isEscaped)) {
      return parse(text);
    }
    List<MountPoint> entries = new ArrayList<>();
    for (int at = text.indexOf(name); at >= 0; ) {
      int from = text.lastIndexOf('\n', at) + 1;
      int end = text.indexOf('\n', at);
      int to = end < 0 ? text.length() : end;
      entries.add(parseLine(text.substring(from, to)));
      at = text.indexOf(name, to);
    }
    return new MountTable(entries);
  }

  private static boolean isEscaped(int character) {
    return character == ' ' || character == '\t' || character == '\n' || character == '\\';
  }

  /**
   * Parses the text of a mountinfo file.
   *
   * @throws IOException naming the line that is not of the form of proc(5)
   */
  public static MountTable parse(String text) throws IOException {
    List<MountPoint> entries = new ArrayList<>();
    for (String line : text.split("\n")) {
      if (!line.isEmpty()) {
        entries.add(parseLine(line));
      }
    }
    return new MountTable(entries);
  }

  private static MountPoint parseLine(String line) throws IOException {
    String[] fields = line.split(" ", -1);
    int separator = 6;
    while (separator < fields.length && !fields[separator].equals("-")) {
      separator++;
    }
    if (separator + 3 > fields.length - 1) {
      throw new IOException("mountinfo has a line of unknown form: " + line);
    }
    try {
      return new MountPoint(
          Integer.parseInt(fields[0]),
          Integer.parseInt(fields[1]),
          fields[2],
          unescape(fields[3]),
          Path.of(unescape(fields[4])),
          List.of(fields[5].split(",")),
          List.of(fields).subList(6, separator),
          fields[separator + 1],
          unescape(fields[separator + 2]),
          List.of(unescape(fields[separator + 3]).split(",")));
    } catch (IllegalArgumentException e) {
      throw new IOException("mountinfo has a line of unknown form: " + line, e);
    }
  }

  /** The kernel writes space, tab, newline and backslash as \ and three octal digits. */
  private static String unescape(String field) {
    if (field.indexOf('\\') < 0) {
      return field;
    }
    byte[] in = field.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream(in.length);
    for (int i = 0; i < in.length; i++) {
      if (in[i] == '\\' && i + 3 < in.length && isOctal(in[i + 1])) {
        out.write((in[i + 1] - '0') * 64 + (in[i + 2] - '0') * 8 + (in[i + 3] - '0'));
        i += 3;
      } else {
        out.write(in[i]);
      }
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  private static boolean isOctal(byte b) {
    return b >= '0' && b <= '7';
  }

  /** The topmost mount at exactly this path. */
  public Optional<MountPoint> at(Path target) {
    MountPoint found = null;
    for (MountPoint entry : entries) {
      if (entry.target().equals(target)) {
        found = entry;
      }
    }
    return Optional.ofNullable(found);
  }

  /** All mounts at or below the folder, in the order of mounting: unmount them from the end. */
  public List<MountPoint> below(Path folder) {
    return entries.stream().filter(entry -> entry.target().startsWith(folder)).toList();
  }
}
