package dev.retainerd.runtime.grpc;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Set;

/**
 * The file of the daemon's socket. It appears under its name only when the server listens and its
 * mode and owner are set: the server binds a neighbouring name first, which is then renamed. So a
 * client that sees the file may connect, and there is no moment at which others may.
 */
final class SocketFile {
  /** What fits into sockaddr_un with its final zero. */
  private static final int MAX_PATH_BYTES = 107;

  private final Path path;

  SocketFile(Path path) {
    this.path = path.toAbsolutePath().normalize();
  }

  Path path() {
    return path;
  }

  /** The name to bind. */
  Path unpublished() {
    return path.resolveSibling(path.getFileName() + "~");
  }

  /**
   * Makes the folder, and refuses if somebody else serves the path.
   *
   * @throws Refusal FAILED_PRECONDITION if it is in use, INVALID_ARGUMENT if it cannot be a
   *     socket's path
   */
  void claim() throws IOException {
    int length = unpublished().toString().getBytes(StandardCharsets.UTF_8).length;
    if (length > MAX_PATH_BYTES) {
      throw Refusal.invalidArgument(
          "the socket path %s is too long (%d bytes of %d): set grpc.address to a shorter one"
              .formatted(path, length - 1, MAX_PATH_BYTES - 1));
    }
    Files.createDirectories(path.getParent());
    if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      refuseIfServed();
    }
    // Left over by a daemon that was killed between binding and renaming.
    Files.deleteIfExists(unpublished());
  }

  private void refuseIfServed() throws IOException {
    boolean socket = (mode() & 0170000) == 0140000;
    if (!socket) {
      throw Refusal.failedPrecondition(
          "%s exists and is not a socket: remove it, or set grpc.address to another path"
              .formatted(path));
    }
    try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      probe.connect(UnixDomainSocketAddress.of(path));
      throw Refusal.failedPrecondition(
          "another process answers on %s: stop it, or set grpc.address to another path"
              .formatted(path));
    } catch (ConnectException nobodyListens) {
      // Stale: the rename of publish() replaces it.
      return;
    }
  }

  private int mode() throws IOException {
    return (Integer) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
  }

  /** Gives the bound socket its owner, its mode (owner and group may use it) and its name. */
  void publish(int uid, int gid) throws IOException {
    Path bound = unpublished();
    var permissions =
        java.util.EnumSet.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);
    if (gid != 0) {
      permissions.addAll(Set.of(PosixFilePermission.GROUP_READ, PosixFilePermission.GROUP_WRITE));
    }
    Files.setPosixFilePermissions(bound, permissions);
    if (uid != 0) {
      Files.setAttribute(bound, "unix:uid", uid);
    }
    if (gid != 0) {
      Files.setAttribute(bound, "unix:gid", gid);
    }
    Files.move(bound, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  void remove() throws IOException {
    Files.deleteIfExists(path);
  }
}
