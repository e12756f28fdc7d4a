package dev.retainerd.runtime.daemon;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The daemon's hold on its state folder: one daemon at a time, until this is closed or the process
 * ends.
 */
final class StateFolder implements AutoCloseable {
  private final FileChannel channel;

  private StateFolder(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Takes it, making it if need be.
   *
   * @throws Refusal FAILED_PRECONDITION where a running daemon has it, naming that one's pid
   */
  static StateFolder take(Path state) {
    Path file = state.resolve("daemon.lock");
    try {
      Files.createDirectories(state);
      FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      FileLock lock = channel.tryLock();
      if (lock == null) {
        String holder = Files.readString(file).strip();
        channel.close();
        throw Refusal.failedPrecondition(
            "the state folder "
                + state
                + " belongs to a running daemon, pid "
                + holder
                + "; stop it first, or give this one another state folder");
      }
      channel.truncate(0);
      channel.write(
          ByteBuffer.wrap(
              Long.toString(ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII)));
      return new StateFolder(channel);
    } catch (IOException e) {
      throw new Refusal(
          Refusal.Code.FAILED_PRECONDITION,
          "the state folder " + state + " cannot be used: " + e.getMessage(),
          e);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
