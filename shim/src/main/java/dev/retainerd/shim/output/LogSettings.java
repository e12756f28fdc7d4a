package dev.retainerd.shim.output;

import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How a CRI log is written. It comes with the destination ({@code
 * cri:///path?max_line_bytes=16384}) and can be changed while the container runs; a change is kept
 * beside the log's checkpoint, so that a successor goes on with it. Immutable.
 *
 * @param maxLineBytes a longer line is cut in entries of that much content, tagged P but for the
 *     last; 0 for never, which means no earlier than {@link #LONGEST_LINE_BYTES}, because a line
 *     waits in the spool until its end is seen
 * @param bytesPerSecond how fast the container may write; it waits, nothing is dropped; 0 for as
 *     fast as it can
 * @param maxFileBytes the size at which the log is rotated here; 0 for never, because kubelet does
 *     it
 * @param maxFiles how many files a log that is rotated here has at most, from 2: {@code LOG}, and
 *     {@code LOG.1} on, the newest first
 */
public record LogSettings(int maxLineBytes, long bytesPerSecond, long maxFileBytes, int maxFiles) {
  /** containerd's default, and what kubelet's reader takes for granted. */
  static final int USUAL_LINE_BYTES = 16 << 10;

  /** What a line without an end may take of the spool. */
  static final int LONGEST_LINE_BYTES = 16 << 20;

  private static final int MOST_FILES = 1000;

  /** Of a log of which nothing is said. */
  public static final LogSettings USUAL = new LogSettings(USUAL_LINE_BYTES, 0, 0, 5);

  private static final String FILE = "log-settings";

  private static final String LINE = "max_line_bytes";
  private static final String RATE = "bytes_per_second";
  private static final String FILE_BYTES = "max_file_bytes";
  private static final String FILES = "max_files";

  /** The content after which a line is cut, whatever was asked for. */
  int cutBytes() {
    return maxLineBytes == 0 ? LONGEST_LINE_BYTES : Math.min(maxLineBytes, LONGEST_LINE_BYTES);
  }

  /**
   * Understands a destination's query; null and empty are the usual settings.
   *
   * @throws TtrpcException INVALID_ARGUMENT for a name that is none or a number out of its range
   */
  static LogSettings parse(String query) throws TtrpcException {
    Map<String, Long> values = new LinkedHashMap<>();
    for (String one : query == null || query.isEmpty() ? new String[0] : query.split("&")) {
      int equals = one.indexOf('=');
      try {
        values.put(
            one.substring(0, Math.max(0, equals)), Long.parseLong(one.substring(equals + 1)));
      } catch (NumberFormatException e) {
        throw invalid(one + " is no NAME=NUMBER");
      }
    }
    return USUAL.with(values);
  }

  /**
   * These settings with some replaced.
   *
   * @param values by name: max_line_bytes, bytes_per_second, max_file_bytes, max_files
   * @throws TtrpcException INVALID_ARGUMENT
   */
  public LogSettings with(Map<String, Long> values) throws TtrpcException {
    for (String name : values.keySet()) {
      if (!name.equals(LINE)
          && !name.equals(RATE)
          && !name.equals(FILE_BYTES)
          && !name.equals(FILES)) {
        throw invalid(
            "there is no setting "
                + name
                + "; use "
                + LINE
                + ", "
                + RATE
                + ", "
                + FILE_BYTES
                + " or "
                + FILES);
      }
    }
    // As containerd has it, a limit below zero is none.
    long line = Math.max(0, values.getOrDefault(LINE, (long) maxLineBytes));
    long rate = Math.max(0, values.getOrDefault(RATE, bytesPerSecond));
    long fileBytes = Math.max(0, values.getOrDefault(FILE_BYTES, maxFileBytes));
    long files = values.getOrDefault(FILES, (long) maxFiles);
    if (files < 2 || files > MOST_FILES) {
      throw invalid(FILES + " is from 2 to " + MOST_FILES + ", not " + files);
    }
    return new LogSettings((int) Math.min(line, Integer.MAX_VALUE), rate, fileBytes, (int) files);
  }

  private static TtrpcException invalid(String what) {
    return new TtrpcException(StatusCode.INVALID_ARGUMENT, "a log's settings: " + what);
  }

  private String query() {
    return LINE
        + "="
        + maxLineBytes
        + "&"
        + RATE
        + "="
        + bytesPerSecond
        + "&"
        + FILE_BYTES
        + "="
        + maxFileBytes
        + "&"
        + FILES
        + "="
        + maxFiles;
  }

  /** Keeps them for a successor. */
  void keep(Path folder) throws IOException {
    Path next = folder.resolve(FILE + ".new");
    Files.writeString(next, query() + "\n");
    Files.move(next, folder.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Those that were kept, else these. */
  LogSettings orKept(Path folder) {
    try {
      Path file = folder.resolve(FILE);
      return Files.exists(file) ? parse(Files.readString(file).trim()) : this;
    } catch (IOException | TtrpcException e) {
      System.err.println("the settings of the log of " + folder + ": " + e.getMessage());
      return this;
    }
  }
}
