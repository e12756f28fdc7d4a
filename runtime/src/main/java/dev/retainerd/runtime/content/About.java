package dev.retainerd.runtime.content;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Optional;

/**
 * The particulars of an ingest, as the file beside its bytes has them: one small file, for each
 * that is made and goes again costs a file system more than its bytes do. Immutable.
 *
 * @param total bytes it will have; 0 where unknown
 */
record About(String ref, long total, Optional<Digest> expected, Instant started) {
  /** Ends the names of these files. */
  static final String SUFFIX = ".about";

  /** Ends the names of those that are being written again. */
  static final String NEXT = ".next";

  private static final int LINES = 5;

  /** Those of an ingest; empty where there are none, or a kill or power cut left only a part. */
  static Optional<About> read(Path place) throws IOException {
    String[] lines;
    try {
      lines = Files.readString(file(place), StandardCharsets.UTF_8).split("\n", LINES);
    } catch (NoSuchFileException | java.nio.charset.MalformedInputException e) {
      return Optional.empty();
    }
    try {
      // The ref comes last, since it may hold any character, and its length tells whether it is
      // whole.
      if (lines.length < LINES || lines[LINES - 1].length() != Integer.parseInt(lines[3])) {
        return Optional.empty();
      }
      Optional<Digest> expected =
          lines[2].isEmpty() ? Optional.empty() : Optional.of(Digest.parse(lines[2]));
      return Optional.of(
          new About(lines[4], Long.parseLong(lines[1]), expected, Instant.parse(lines[0])));
    } catch (DateTimeParseException | NumberFormatException | Refusal e) {
      return Optional.empty();
    }
  }

  /** With what a later writer knows better. */
  About with(long knownTotal, Optional<Digest> knownExpected) {
    return new About(
        ref,
        knownTotal > 0 ? knownTotal : total,
        knownExpected.isPresent() ? knownExpected : expected,
        started);
  }

  About withTotal(long bytes) {
    return new About(ref, bytes, expected, started);
  }

  /** Writes them where none are; until it is done, {@link #read} finds none. */
  void writeFirst(Path place) throws IOException {
    Files.write(file(place), text());
  }

  /** Writes them again: a reader sees the old ones or the new ones, never a part. */
  void write(Path place) throws IOException {
    Path next = place.resolveSibling(place.getFileName() + NEXT);
    Files.write(next, text());
    Files.move(next, file(place), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Removes them; false where there were none. */
  static boolean remove(Path place) throws IOException {
    return Files.deleteIfExists(file(place));
  }

  private byte[] text() {
    return (started
            + "\n"
            + total
            + "\n"
            + expected.map(Digest::toString).orElse("")
            + "\n"
            + ref.length()
            + "\n"
            + ref)
        .getBytes(StandardCharsets.UTF_8);
  }

  private static Path file(Path place) {
    return place.resolveSibling(place.getFileName() + SUFFIX);
  }
}
