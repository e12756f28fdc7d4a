package dev.retainerd.runtime.stream;

import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * The client's ends of a command's streams. A stream that the client did not ask for is empty.
 *
 * <p>Reads block until bytes come and end when the client half-closes or is gone. Writes block
 * while the client is slow and fail when it is gone.
 *
 * @param gone completes when the client is gone, whatever the streams do
 */
public record StreamIo(
    Optional<InputStream> stdin,
    Optional<OutputStream> stdout,
    Optional<OutputStream> stderr,
    Resizes resizes,
    CompletableFuture<Void> gone) {

  /** Where the terminal's size comes from. */
  public interface Resizes {
    /** Calls back with the latest size, if there was one, and with each that follows. */
    void listen(Consumer<TerminalSize> listener);
  }
}
