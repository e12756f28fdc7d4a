package dev.retainerd.shim.container;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.retainerd.shim.output.ProcessStreams;
import dev.retainerd.shim.posix.Mounts;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * The part of a bundle that belongs to shims: {@code retain/} with the container's record, its
 * exit, its pin, and FIFOs and spools; {@code retain/exec/ID/} with the same of an exec. Everything
 * a successor needs is here. Immutable and thread-safe.
 */
record Bundle(Path path) {
  private static final int ID_MAX = 128;

  static Bundle of(String text) throws TtrpcException {
    if (!text.startsWith("/") || text.indexOf('\0') >= 0) {
      throw invalid("the bundle " + text.replace('\0', '?') + " is no absolute path");
    }
    Path path = Path.of(text).normalize();
    if (!Files.isDirectory(path) || !Files.isRegularFile(path.resolve("config.json"))) {
      throw new TtrpcException(
          StatusCode.NOT_FOUND, "the bundle " + path + " is no folder with a config.json");
    }
    return new Bundle(path);
  }

  /** Refuses what could climb out of a folder or does not fit into a name. */
  static void checkId(String what, String id) throws TtrpcException {
    boolean good = !id.isEmpty() && id.length() <= ID_MAX && id.charAt(0) != '.';
    for (int i = 0; good && i < id.length(); i++) {
      char one = id.charAt(i);
      good =
          (one >= 'a' && one <= 'z')
              || (one >= 'A' && one <= 'Z')
              || (one >= '0' && one <= '9')
              || one == '-'
              || one == '_'
              || one == '.'
              || one == '+'
              || one == ':';
    }
    if (!good) {
      throw invalid(
          "the "
              + what
              + " id "
              + id.replace('\0', '?')
              + " is not made of 1 to 128 letters, digits, -, _ and .");
    }
  }

  private static TtrpcException invalid(String message) {
    return new TtrpcException(StatusCode.INVALID_ARGUMENT, message);
  }

  Path folder() {
    return path.resolve("retain");
  }

  Path folder(String execId) {
    return execId.isEmpty() ? folder() : folder().resolve("exec").resolve(execId);
  }

  Path rootfs() {
    return path.resolve("rootfs");
  }

  /** The ids of the execs that have left something here. */
  List<String> execIds() throws IOException {
    List<String> ids = new ArrayList<>();
    Path folder = folder().resolve("exec");
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> all = Files.newDirectoryStream(folder)) {
        for (Path one : all) {
          ids.add(one.getFileName().toString());
        }
      }
    }
    return ids;
  }

  /** Replaces a file whole; with {@code durable} it also survives a power cut. */
  static void write(Path file, MessageLite message, boolean durable) throws IOException {
    Path next = file.resolveSibling(file.getFileName() + ".new");
    try (FileChannel channel =
        FileChannel.open(
            next,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      ByteBuffer bytes = ByteBuffer.wrap(message.toByteArray());
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      if (durable) {
        channel.force(false);
      }
    }
    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Null when there is no such file. */
  static <T extends MessageLite> T read(Path file, Parser<T> parser) throws IOException {
    if (!Files.exists(file)) {
      return null;
    }
    return parser.parseFrom(Files.readAllBytes(file));
  }

  /** Removes all that shims keep of one process; of the first process, all of {@code retain/}. */
  void remove(String execId) throws IOException {
    if (execId.isEmpty()) {
      for (String exec : execIds()) {
        remove(exec);
      }
      Files.deleteIfExists(folder().resolve("exec"));
    }
    Path folder = folder(execId);
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    Mounts.unmount(folder.resolve("pin").toString(), Mounts.MNT_DETACH);
    ProcessStreams.removeFiles(folder);
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    }
    Files.deleteIfExists(folder);
  }
}
