package dev.retainerd.shim.output;

import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import java.net.URI;
import java.nio.file.Path;

/** Where a stream goes, as the stdout and stderr strings of a Create or Exec name it. */
public sealed interface Destination {
  /** Nobody wants it: the process gets /dev/null. */
  record Discard() implements Destination {}

  /** A FIFO that the client has made and reads. */
  record ClientFifo(Path path) implements Destination {}

  /** Bytes as they come, appended to a file. */
  record RawFile(Path path) implements Destination {}

  /** Lines of the Kubernetes CRI log format. */
  record CriFile(Path path, LogSettings settings) implements Destination {}

  /**
   * Understands {@code ""}, a plain path, {@code fifo://}, {@code file://} and {@code cri://}, the
   * last with {@link LogSettings} as its query.
   *
   * @throws TtrpcException INVALID_ARGUMENT for another scheme or a path that is not absolute
   */
  static Destination parse(String text) throws TtrpcException {
    if (text.isEmpty()) {
      return new Discard();
    }
    int colon = text.indexOf("://");
    String scheme = colon < 0 ? "fifo" : text.substring(0, colon);
    String path = colon < 0 ? text : pathOf(text, colon);
    if (!path.startsWith("/") || path.indexOf('\0') >= 0) {
      throw new TtrpcException(
          StatusCode.INVALID_ARGUMENT,
          "the output " + text.replace('\0', '?') + " names no absolute path");
    }
    return switch (scheme) {
      case "fifo" -> new ClientFifo(Path.of(path));
      case "file" -> new RawFile(Path.of(path));
      case "cri" -> new CriFile(Path.of(path), LogSettings.parse(queryOf(text)));
      default ->
          throw new TtrpcException(
              StatusCode.INVALID_ARGUMENT,
              "the output " + text + " has the scheme " + scheme + "; use fifo, file or cri");
    };
  }

  private static String queryOf(String text) {
    try {
      return URI.create(text).getQuery();
    } catch (IllegalArgumentException e) {
      return "";
    }
  }

  /** A query (as in fifo:///path?x=y) is no part of the path; escapes are undone where valid. */
  private static String pathOf(String text, int colon) {
    try {
      String path = URI.create(text).getPath();
      return path == null ? "" : path;
    } catch (IllegalArgumentException e) {
      return text.substring(colon + 3);
    }
  }
}
