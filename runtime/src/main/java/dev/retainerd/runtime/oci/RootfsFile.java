package dev.retainerd.runtime.oci;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * Reads a small file of a container's root file system, whose links were written by a stranger:
 * each is followed as the container would follow it, and none leads out.
 */
final class RootfsFile {
  private static final int MOST_LINKS = 40;
  private static final int MOST_BYTES = 4 << 20;

  private RootfsFile() {}

  /** The text of a file; none where there is no such regular file. */
  static Optional<String> read(Path rootfs, String name) {
    Path file = resolve(rootfs, name);
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.empty();
    }
    try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      byte[] bytes = in.readNBytes(MOST_BYTES + 1);
      if (bytes.length > MOST_BYTES) {
        throw Refusal.failedPrecondition(
            "/%s of the image has more than %d bytes; give the user by number"
                .formatted(name, MOST_BYTES));
      }
      return Optional.of(new String(bytes, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw Refusal.internal("/" + name + " of the container cannot be read", e);
    }
  }

  /** The path on the host of what {@code name} is inside; the last part may be missing. */
  static Path resolve(Path rootfs, String name) {
    Path at = rootfs;
    int links = 0;
    Deque<String> rest = new ArrayDeque<>();
    push(rest, Path.of(name));
    while (!rest.isEmpty()) {
      String part = rest.pop();
      if (part.equals("..")) {
        at = at.equals(rootfs) ? rootfs : at.getParent();
        continue;
      }
      Path next = at.resolve(part);
      if (!Files.isSymbolicLink(next)) {
        at = next;
        continue;
      }
      if (++links > MOST_LINKS) {
        throw Refusal.failedPrecondition(
            "/" + name + " of the image is a circle of symbolic links; give the user by number");
      }
      Path target = link(next);
      at = target.isAbsolute() ? rootfs : at;
      push(rest, target);
    }
    return at;
  }

  private static Path link(Path link) {
    try {
      return Files.readSymbolicLink(link);
    } catch (IOException e) {
      throw Refusal.internal("the link " + link + " cannot be read", e);
    }
  }

  private static void push(Deque<String> rest, Path path) {
    for (int i = path.getNameCount() - 1; i >= 0; i--) {
      String part = path.getName(i).toString();
      if (!part.isEmpty() && !part.equals(".")) {
        rest.push(part);
      }
    }
  }
}
