package dev.retainerd.shim.output;

import dev.retainerd.shim.posix.Errno;
import dev.retainerd.shim.posix.NativeBuffer;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * One stream's bytes between the pipe and the log. Bytes are numbered from the stream's first one;
 * the file NAME.B holds those from number B on, so that names and sizes alone tell a successor how
 * far the stream was moved. A file is closed at {@link #FILE_BYTES} and removed when all of it is
 * in the log. Belongs to the loop's thread.
 */
final class Spool {
  static final int FILE_BYTES = 1 << 20;

  private static final class Part {
    final long base;
    final Path path;
    final int fd;
    long size;

    Part(long base, Path path, int fd, long size) {
      this.base = base;
      this.path = path;
      this.fd = fd;
      this.size = size;
    }
  }

  private final Path folder;
  private final String name;
  private final ArrayDeque<Part> parts = new ArrayDeque<>();

  private Spool(Path folder, String name) {
    this.folder = folder;
    this.name = name;
  }

  /** Opens what a predecessor left, or begins at {@code start}. */
  static Spool open(Path folder, String name, long start) throws IOException {
    Spool spool = new Spool(folder, name);
    List<Long> bases = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, name + ".*")) {
      for (Path file : files) {
        String suffix = file.getFileName().toString().substring(name.length() + 1);
        if (suffix.chars().allMatch(Character::isDigit)) {
          bases.add(Long.parseLong(suffix));
        }
      }
    }
    bases.sort(null);
    for (long base : bases) {
      spool.addPart(base);
    }
    if (spool.end() < start || spool.parts.isEmpty()) {
      spool.addPart(start);
    }
    return spool;
  }

  private void addPart(long base) throws PosixException {
    Path path = folder.resolve(name + "." + base);
    int fd = Posix.open(path.toString(), Posix.O_RDWR | Posix.O_CREAT, 0600);
    parts.add(new Part(base, path, fd, Posix.status(fd).size()));
  }

  /** The number behind the last byte held. */
  long end() {
    Part last = parts.peekLast();
    return last == null ? 0 : last.base + last.size;
  }

  /** As {@link Sink#take}. */
  long take(int pipe, long most) {
    Part last = parts.getLast();
    if (last.size >= FILE_BYTES) {
      try {
        addPart(end());
      } catch (PosixException e) {
        return Sink.FULL;
      }
      last = parts.getLast();
    }
    long moved = Posix.splice(pipe, last.fd, last.size, Math.min(most, FILE_BYTES));
    if (moved > 0) {
      last.size += moved;
    }
    return moved == -Errno.ENOSPC || moved == -Errno.EDQUOT ? Sink.FULL : moved;
  }

  /** Reads bytes from number {@code from} on; how many there were. */
  int read(long from, NativeBuffer buffer) {
    int have = 0;
    for (Part part : parts) {
      long at = from + have;
      if (at >= part.base + part.size || at < part.base) {
        continue;
      }
      int length = (int) Math.min(buffer.size() - have, part.base + part.size - at);
      long count = Posix.pread(part.fd, buffer, have, length, at - part.base);
      if (count <= 0) {
        return have;
      }
      have += (int) count;
      if (have == buffer.size()) {
        return have;
      }
    }
    return have;
  }

  /** Whether files could go if everything below {@code number} were safe in the log. */
  boolean hasFilesBelow(long number) {
    Part first = parts.peekFirst();
    return parts.size() > 1 && first.base + first.size <= number;
  }

  void removeFilesBelow(long number) {
    while (hasFilesBelow(number)) {
      Part part = parts.removeFirst();
      Posix.close(part.fd);
      removeQuietly(part.path);
    }
  }

  void close() {
    for (Iterator<Part> all = parts.iterator(); all.hasNext(); ) {
      Posix.close(all.next().fd);
      all.remove();
    }
  }

  private static void removeQuietly(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      // A left-over file is passed over by a successor: the log holds all of it.
    }
  }
}
