package dev.retainerd.runtime.snapshot;

import dev.retainerd.runtime.linux.DirectoryCalls;
import dev.retainerd.runtime.linux.Errno;
import dev.retainerd.runtime.linux.FileStatus;
import dev.retainerd.runtime.linux.SystemCallException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashMap;
import java.util.Map;

/** Trees of files, copied with all that the kernel knows of each, and deleted. */
final class Trees {
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private Trees() {}

  /**
   * Copies a folder that nobody changes meanwhile: owners, modes, times, attributes, devices, and
   * files with several names as such.
   *
   * @param to must not exist
   */
  static void copy(Path from, Path to) throws IOException {
    copy(from, to, new HashMap<>());
  }

  private static void copy(Path from, Path to, Map<Long, Path> linked) throws IOException {
    FileStatus status = DirectoryCalls.stat(DirectoryCalls.CWD, name(from));
    boolean several = !status.isDirectory() && status.links() > 1;
    if (several && linked.containsKey(status.inode())) {
      Files.createLink(to, linked.get(status.inode()));
      return;
    }
    switch (status.mode() & DirectoryCalls.S_IFMT) {
      case DirectoryCalls.S_IFDIR -> {
        Files.createDirectory(to);
        try (DirectoryStream<Path> children = Files.newDirectoryStream(from)) {
          for (Path child : children) {
            copy(child, to.resolve(child.getFileName()), linked);
          }
        }
      }
      case DirectoryCalls.S_IFREG -> bytes(from, to);
      case DirectoryCalls.S_IFLNK -> Files.createSymbolicLink(to, Files.readSymbolicLink(from));
      default ->
          DirectoryCalls.mknodat(
              DirectoryCalls.CWD,
              name(to),
              status.mode(),
              status.deviceMajor(),
              status.deviceMinor());
    }
    attributes(from, to, status);
    if (several) {
      linked.put(status.inode(), to);
    }
  }

  private static void bytes(Path from, Path to) throws IOException {
    try (FileChannel in = FileChannel.open(from, StandardOpenOption.READ);
        FileChannel out =
            FileChannel.open(to, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
      long size = in.size();
      long at = 0;
      while (at < size) {
        // The kernel copies, or shares the blocks where the file system can.
        long copied = in.transferTo(at, size - at, out);
        if (copied <= 0) {
          throw new IOException(from + " shrinks while it is copied");
        }
        at += copied;
      }
    }
  }

  private static void attributes(Path from, Path to, FileStatus status) throws IOException {
    byte[] target = name(to);
    DirectoryCalls.chownat(DirectoryCalls.CWD, target, status.uid(), status.gid());
    if (!status.isSymlink()) {
      DirectoryCalls.chmodat(DirectoryCalls.CWD, target, status.permissions());
    }
    try {
      for (byte[] attribute : DirectoryCalls.xattrs(DirectoryCalls.CWD, name(from))) {
        var value = DirectoryCalls.xattr(DirectoryCalls.CWD, name(from), attribute);
        if (value.isPresent()) {
          DirectoryCalls.setXattr(DirectoryCalls.CWD, target, attribute, value.get());
        }
      }
    } catch (SystemCallException e) {
      // A file system without attributes has none to lose.
      if (!e.is(Errno.EOPNOTSUPP) && !e.is(Errno.EPERM)) {
        throw e;
      }
    }
    DirectoryCalls.setTimes(
        DirectoryCalls.CWD,
        target,
        Math.floorDiv(status.modifiedNanos(), NANOS_PER_SECOND),
        (int) Math.floorMod(status.modifiedNanos(), NANOS_PER_SECOND));
  }

  static void mode(Path file, int permissions) throws IOException {
    DirectoryCalls.chmodat(DirectoryCalls.CWD, name(file), permissions);
  }

  /** Deletes a folder with all its files; one that is not there is fine. */
  static void delete(Path folder) throws IOException {
    try {
      Files.walkFileTree(
          folder,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              Files.deleteIfExists(file);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path dir, IOException e) throws IOException {
              if (e != null) {
                throw e;
              }
              Files.deleteIfExists(dir);
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (NoSuchFileException e) {
      return;
    }
  }

  /** As bytes: the JDK's text of a name that is no valid UTF-8 is another name. */
  private static byte[] name(Path file) throws IOException {
    String text = file.toString();
    if (text.indexOf('\uFFFD') < 0) {
      return DirectoryCalls.name(text);
    }
    return DirectoryCalls.rawName(file);
  }
}
