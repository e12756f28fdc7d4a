package dev.retainerd.runtime.image;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.util.Locale;

/** Turns what the disk says into what a caller is told. */
final class Faults {

  private Faults() {}

  /** A refusal that begins with {@code what} and goes on with the reason. */
  static Refusal of(String what, IOException e) {
    String reason =
        e instanceof FileSystemException f && f.getReason() != null
            ? f.getReason()
            : e.getMessage();
    boolean full =
        reason != null
            && (reason.toLowerCase(Locale.ROOT).contains("no space left")
                || reason.toLowerCase(Locale.ROOT).contains("quota exceeded"));
    if (full) {
      return Refusal.resourceExhausted(what + ": the disk is full; remove images or enlarge it")
          .because(e);
    }
    return Refusal.internal(what + ": " + (reason == null ? e.getClass().getName() : reason), e);
  }
}
