package dev.retainerd.runtime.ctl.command;

import dev.retainerd.runtime.error.Refusal;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/** Turns whatever went wrong into one sentence. */
public final class Sentences {

  /** How gRPC's own sentences about a lost line begin. */
  private static final List<String> OF_TRANSPORT =
      List.of("io exception", "Network closed", "Connection closed", "HTTP/2 error code");

  private Sentences() {}

  /** The sentence for {@code thrown}; {@code socket} is where the daemon was looked for. */
  public static String of(Throwable thrown, Path socket) {
    return switch (thrown) {
      case CommandFailure e -> e.getMessage();
      case Refusal e -> e.sentence();
      case StatusRuntimeException e -> ofStatus(e.getStatus(), socket);
      case StatusException e -> ofStatus(e.getStatus(), socket);
      case NoSuchFileException e -> "there is no file " + e.getFile();
      case AccessDeniedException e -> "no permission for " + e.getFile() + ": run it as root";
      case FileSystemException e -> e.getFile() + ": " + e.getReason();
      case UncheckedIOException e when e.getCause() != null -> of(e.getCause(), socket);
      default ->
          thrown.getMessage() == null
              ? "it failed with " + thrown.getClass().getSimpleName()
              : oneLine(thrown.getMessage());
    };
  }

  private static String ofStatus(Status status, Path socket) {
    String said = status.getDescription() == null ? "" : oneLine(status.getDescription());
    return switch (status.getCode()) {
      case UNAVAILABLE -> unavailable(status, said, socket);
      case DEADLINE_EXCEEDED ->
          "the daemon at " + socket + " did not answer in time: give it longer with --timeout";
      case UNIMPLEMENTED ->
          said.isEmpty() ? "the daemon at " + socket + " does not offer this" : said;
      default -> said.isEmpty() ? "the daemon answered " + status.getCode() : said;
    };
  }

  private static String unavailable(Status status, String said, Path socket) {
    // What a daemon says comes without a cause; it may well be about its own connections.
    boolean noConnection =
        status.getCause() != null || OF_TRANSPORT.stream().anyMatch(said::startsWith);
    if (!noConnection && !said.isEmpty()) {
      return said;
    }
    String mend = ": start retainerd, or name its socket with --address";
    if (!Files.exists(socket)) {
      return "no daemon is there: the socket " + socket + " does not exist" + mend;
    }
    if (!Files.isWritable(socket)) {
      return "no permission to open the socket " + socket + ": run it as root";
    }
    return "no daemon answers on the socket " + socket + mend;
  }

  private static String oneLine(String text) {
    return text.strip().replaceAll("\\s*\\R\\s*", "; ");
  }
}
