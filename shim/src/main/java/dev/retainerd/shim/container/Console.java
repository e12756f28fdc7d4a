package dev.retainerd.shim.container;

import dev.retainerd.shim.posix.DescriptorSocket;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The socket over which an OCI runtime hands out the master of a new terminal. Bundles have long
 * paths and sockets take 107 bytes, so it is named through a descriptor of its folder. Used by one
 * thread.
 */
final class Console implements AutoCloseable {
  private static final int PATIENCE_MILLIS = 10_000;
  private static final int MESSAGE_MAX = 4096;

  private final Path path;
  private final int folderFd;
  private final String shortPath;
  private final DescriptorSocket listener;

  Console(Path folder) throws PosixException {
    path = folder.resolve("tty");
    folderFd = Posix.open(folder.toString(), Posix.O_RDONLY, 0);
    shortPath = "/proc/" + ProcessHandle.current().pid() + "/fd/" + folderFd + "/tty";
    try {
      Files.deleteIfExists(path);
      listener = DescriptorSocket.listen(shortPath);
    } catch (IOException e) {
      Posix.close(folderFd);
      throw e instanceof PosixException known ? known : new PosixException(e.getMessage(), 5);
    }
  }

  String name() {
    return shortPath;
  }

  /** The master, which is the caller's from now on. */
  int receive() throws TtrpcException {
    try (DescriptorSocket runtime = listener.accept(PATIENCE_MILLIS)) {
      DescriptorSocket.Message message =
          runtime == null ? null : runtime.receive(MESSAGE_MAX, PATIENCE_MILLIS);
      if (message != null && message.descriptor() >= 0) {
        return message.descriptor();
      }
    } catch (PosixException e) {
      throw new TtrpcException(StatusCode.UNKNOWN, e.getMessage(), e);
    }
    throw new TtrpcException(
        StatusCode.UNKNOWN, "the OCI runtime handed out no terminal within 10 s");
  }

  @Override
  public void close() {
    listener.close();
    Posix.close(folderFd);
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      // It goes with the folder.
    }
  }
}
