package dev.retainerd.eventlog.files;

import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.zip.CRC32C;

/**
 * A small text file of {@code name=value} lines, ended by a line with the CRC32C of those before.
 * Replaced as a whole, so that a reader sees the old or the new content.
 */
public final class SmallFile {
  private static final String CRC = "crc32c=";
  private static final int BOUND_BYTES = 64 << 10;

  private SmallFile() {}

  /**
   * Replaces the file.
   *
   * @param force whether content and name must be on the disk on return
   */
  public static void write(Path file, SequencedMap<String, String> values, boolean force)
      throws IOException {
    StringBuilder text = new StringBuilder();
    values.forEach((name, value) -> text.append(name).append('=').append(value).append('\n'));
    String crc = crc(text.toString());
    text.append(CRC).append(crc).append('\n');
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    // Not a channel, which an interrupt of the journal's thread would close half way.
    try (FileOutputStream out = new FileOutputStream(fresh.toFile())) {
      out.write(text.toString().getBytes(StandardCharsets.UTF_8));
      if (force) {
        out.getFD().sync();
      }
    }
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    if (force) {
      forceFolder(file.getParent());
    }
  }

  /** The file's values; empty where it is missing or its CRC does not hold. */
  public static Optional<Map<String, String>> read(Path file) throws IOException {
    if (!Files.isRegularFile(file) || Files.size(file) > BOUND_BYTES) {
      return Optional.empty();
    }
    String text;
    try {
      text = Files.readString(file);
    } catch (CharacterCodingException e) {
      return Optional.empty();
    }
    int last = text.lastIndexOf(CRC);
    if (last < 0 || !text.substring(last).equals(CRC + crc(text.substring(0, last)) + "\n")) {
      return Optional.empty();
    }
    Map<String, String> values = new LinkedHashMap<>();
    text.substring(0, last)
        .lines()
        .forEach(
            line -> {
              int at = line.indexOf('=');
              values.put(line.substring(0, Math.max(at, 0)), line.substring(at + 1));
            });
    return Optional.of(values);
  }

  /** Makes the names in a folder durable. */
  public static void forceFolder(Path folder) throws IOException {
    boolean interrupted = Thread.interrupted();
    try {
      while (true) {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
          channel.force(true);
          return;
        } catch (ClosedByInterruptException e) {
          interrupted = Thread.interrupted();
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static String crc(String text) {
    CRC32C crc = new CRC32C();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return String.format("%08x", crc.getValue());
  }
}
