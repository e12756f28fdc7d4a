package dev.retainerd.runtime.checkpoint;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.retainerd.runtime.container.SavedContainer;
import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A checkpointed container whose files lie in a folder: regular files, since CRIU would follow a
 * link out of it as root. For one thread.
 *
 * @param what names it in a refusal
 * @param own what was unpacked for it, and goes with it; empty where the folder is somebody else's
 */
record SavedFolder(Path folder, String what, Optional<WorkFolders.Work> own)
    implements SavedContainer {
  private static final long MOST_CONFIG_BYTES = 1 << 20;
  private static final List<String> IMAGE_NAMES =
      List.of("rootfsImageRef", "rootfsImageName", "rootfsImage");
  private static final FileAttribute<Set<PosixFilePermission>> ROOT_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final FileAttribute<Set<PosixFilePermission>> FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  /**
   * Looks whether it is one.
   *
   * @throws Refusal INVALID_ARGUMENT where it is not, or holds what is no regular file
   */
  SavedFolder checked() throws IOException {
    if (!Files.isDirectory(folder.resolve(IMAGES), LinkOption.NOFOLLOW_LINKS)) {
      throw broken("it has no folder " + IMAGES + "/ with CRIU's images");
    }
    if (!Files.isRegularFile(folder.resolve(Portrait.CONFIG), LinkOption.NOFOLLOW_LINKS)) {
      throw broken("it has no file " + Portrait.CONFIG);
    }
    Path layer = folder.resolve(ROOT_LAYER);
    if (Files.exists(layer, LinkOption.NOFOLLOW_LINKS)
        && !Files.isRegularFile(layer, LinkOption.NOFOLLOW_LINKS)) {
      throw broken(ROOT_LAYER + " is no regular file");
    }
    Files.walkFileTree(
        folder.resolve(IMAGES),
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (!attributes.isRegularFile()) {
              throw broken(file.getFileName() + " among CRIU's images is no regular file");
            }
            return FileVisitResult.CONTINUE;
          }
        });
    return this;
  }

  @Override
  public List<String> images() {
    Path config = folder.resolve(Portrait.CONFIG);
    try {
      if (Files.size(config) > MOST_CONFIG_BYTES) {
        throw broken(Portrait.CONFIG + " has more than " + MOST_CONFIG_BYTES + " bytes");
      }
      JsonObject json =
          JsonParser.parseString(Files.readString(config, StandardCharsets.UTF_8))
              .getAsJsonObject();
      List<String> found = new ArrayList<>();
      for (String name : IMAGE_NAMES) {
        JsonElement value = json.get(name);
        if (value != null && value.isJsonPrimitive() && !value.getAsString().isEmpty()) {
          found.add(value.getAsString());
        }
      }
      return found.stream().distinct().toList();
    } catch (IOException | JsonParseException | IllegalStateException e) {
      throw broken(Portrait.CONFIG + " cannot be read").because(e);
    }
  }

  @Override
  public void into(Path target) throws IOException {
    if (own.isPresent()) {
      try {
        Files.move(folder, target, StandardCopyOption.ATOMIC_MOVE);
        return;
      } catch (AtomicMoveNotSupportedException e) {
        // Another file system: it is copied.
      }
    }
    Files.createDirectory(target, ROOT_ONLY);
    Path images = folder.resolve(IMAGES);
    Path to = Files.createDirectory(target.resolve(IMAGES), ROOT_ONLY);
    Files.walkFileTree(
        images,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes attributes)
              throws IOException {
            if (!dir.equals(images)) {
              Files.createDirectory(to.resolve(images.relativize(dir)), ROOT_ONLY);
            }
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            copy(file, to.resolve(images.relativize(file)));
            return FileVisitResult.CONTINUE;
          }
        });
    Path layer = folder.resolve(ROOT_LAYER);
    if (Files.exists(layer, LinkOption.NOFOLLOW_LINKS)) {
      copy(layer, target.resolve(ROOT_LAYER));
    }
  }

  /** The file as it is now, which may be another than was looked at: no link is followed. */
  private static void copy(Path from, Path to) throws IOException {
    try (InputStream in = Files.newInputStream(from, LinkOption.NOFOLLOW_LINKS);
        OutputStream out = Files.newOutputStream(Files.createFile(to, FILE))) {
      in.transferTo(out);
    }
  }

  @Override
  public void close() {
    own.ifPresent(WorkFolders.Work::close);
  }

  private Refusal broken(String why) {
    return Refusal.invalidArgument(what + " is not a container's checkpoint: " + why);
  }
}
