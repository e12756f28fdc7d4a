package dev.retainerd.eventlog.files;

import dev.retainerd.eventlog.LogDamage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** Puts what could not be read into a folder of its own, where it stays until somebody looks. */
final class SetAside {
  /** A tail longer than this is left where it is: nothing overwrites it there either. */
  private static final long BOUND_BYTES = 256L << 20;

  private final LogFolder folder;

  SetAside(LogFolder folder) {
    this.folder = folder;
  }

  /**
   * Copies part of a record file, without the zeros at its end.
   *
   * @return the copy's path; "" where there was nothing to copy or no room for it
   */
  String copy(Generation generation, Path file, long from, long to) {
    try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
      long end = trimZeros(in, from, Math.min(to, in.size()));
      if (end <= from || end - from > BOUND_BYTES) {
        return "";
      }
      Files.createDirectories(folder.setAsideFolder());
      Path copy = free(String.format("generation-%04d-at-%d.bytes", generation.number(), from));
      try (FileChannel out =
          FileChannel.open(copy, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        long at = from;
        while (at < end) {
          long n = in.transferTo(at, end - at, out);
          if (n <= 0) {
            break;
          }
          at += n;
        }
        out.force(true);
      }
      return copy.toString();
    } catch (IOException e) {
      return "";
    }
  }

  /** Moves a whole file or folder. */
  void move(Path file, String why, List<LogDamage> damages) {
    try {
      Files.createDirectories(folder.setAsideFolder());
      boolean top = file.getParent().equals(folder.path());
      String name = (top ? "" : file.getParent().getFileName() + "-") + file.getFileName();
      Path to = free(name);
      Files.move(file, to);
      damages.add(new LogDamage("metadata", file.toString(), to.toString(), 0, 0, why));
    } catch (IOException e) {
      damages.add(new LogDamage("metadata", file.toString(), "", 0, 0, "it cannot be moved: " + e));
    }
  }

  private Path free(String name) {
    Path path = folder.setAsideFolder().resolve(name);
    for (int i = 2; Files.exists(path); i++) {
      path = folder.setAsideFolder().resolve(name + "." + i);
    }
    return path;
  }

  private static long trimZeros(FileChannel in, long from, long to) throws IOException {
    ByteBuffer piece = ByteBuffer.allocate(64 << 10);
    long end = to;
    while (end > from) {
      long at = Math.max(from, end - piece.capacity());
      piece.clear().limit((int) (end - at));
      int n = in.read(piece, at);
      for (int i = n - 1; i >= 0; i--) {
        if (piece.get(i) != 0) {
          return at + i + 1;
        }
      }
      end = at;
    }
    return from;
  }
}
