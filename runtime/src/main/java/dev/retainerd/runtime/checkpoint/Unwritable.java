package dev.retainerd.runtime.checkpoint;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;

/** Says why a checkpoint's files could not be written, or read. */
final class Unwritable {
  private Unwritable() {}

  static Refusal of(String what, Path where, IOException e) {
    return Refusal.failedPrecondition(what + " cannot be written to " + where + reason(e))
        .because(e);
  }

  static Refusal unreadable(String what, Path where, IOException e) {
    return Refusal.failedPrecondition(what + " cannot be read from " + where + reason(e))
        .because(e);
  }

  private static String reason(IOException e) {
    return e instanceof FileSystemException f && f.getReason() != null ? ": " + f.getReason() : "";
  }
}
