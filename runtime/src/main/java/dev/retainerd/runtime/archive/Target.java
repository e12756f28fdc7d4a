package dev.retainerd.runtime.archive;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.DirectoryCalls;
import dev.retainerd.runtime.linux.Errno;
import dev.retainerd.runtime.linux.FileStatus;
import dev.retainerd.runtime.linux.SystemCallException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The folder a layer is unpacked to, entered by descriptors only: names are looked up as if it were
 * the root of the file system, so that no link leads out of it. For one thread.
 */
final class Target implements Closeable {
  static final byte[] OPAQUE = DirectoryCalls.name("trusted.overlay.opaque");
  static final byte[] YES = {'y'};
  private static final int CACHED_FOLDERS = 64;
  private static final int LINKS_MAX = 40;

  private final int root;
  private final List<Integer> lowers = new ArrayList<>();
  private final boolean overlay;

  /** Open folders by their name in the archive; the least recently used one goes first. */
  private final LinkedHashMap<String, Integer> open = new LinkedHashMap<>(128, 0.75f, true);

  /** No longer known by name, but perhaps in use until the current entry is made. */
  private final List<Integer> retired = new ArrayList<>();

  /**
   * @param lowers for an overlay: the folders below it, nearest first, whose attributes the missing
   *     parents of entries take over
   */
  Target(Path folder, boolean overlay, List<Path> lowers) throws IOException {
    this.overlay = overlay;
    int flags = DirectoryCalls.O_RDONLY | DirectoryCalls.O_DIRECTORY;
    this.root =
        DirectoryCalls.openat(DirectoryCalls.CWD, DirectoryCalls.name(folder.toString()), flags, 0);
    for (Path lower : lowers) {
      this.lowers.add(
          DirectoryCalls.openat(
              DirectoryCalls.CWD, DirectoryCalls.name(lower.toString()), flags, 0));
    }
  }

  int root() {
    return root;
  }

  static byte[] bytes(String name) {
    return name.getBytes(StandardCharsets.ISO_8859_1);
  }

  /**
   * The name without empty and "." parts and with ".." carried out; empty for the folder itself.
   *
   * @throws Refusal invalid argument, where it climbs out
   */
  static String clean(String name, String entry) {
    if (name.indexOf('\0') >= 0) {
      throw refused(entry, "has a NUL in its name");
    }
    Deque<String> parts = new ArrayDeque<>();
    for (String part : name.split("/", -1)) {
      switch (part) {
        case "", "." -> {}
        case ".." -> {
          if (parts.pollLast() == null) {
            throw refused(entry, "leads out of the image by \"..\"");
          }
        }
        default -> parts.addLast(part);
      }
    }
    return String.join("/", parts);
  }

  static String parentOf(String cleaned) {
    int slash = cleaned.lastIndexOf('/');
    return slash < 0 ? "" : cleaned.substring(0, slash);
  }

  static byte[] lastOf(String cleaned) {
    return bytes(cleaned.substring(cleaned.lastIndexOf('/') + 1));
  }

  /**
   * Opens a folder of the target, making what is missing of it. Valid until the next {@link
   * #closeRetired}.
   */
  int folder(String name, String entry) throws IOException {
    return folder(name, entry, LINKS_MAX);
  }

  private int folder(String name, String entry, int links) throws IOException {
    if (name.isEmpty()) {
      return root;
    }
    Integer known = open.get(name);
    if (known != null) {
      return known;
    }
    int fd;
    try {
      fd = openFolder(name);
    } catch (SystemCallException e) {
      if (!e.is(Errno.ENOENT) && !e.is(Errno.ENOTDIR)) {
        throw e;
      }
      make(name, entry, links);
      fd = openFolder(name);
    }
    remember(name, fd);
    return fd;
  }

  /** Opens a folder that must be there, or empty. */
  Optional<Integer> existing(String name) throws IOException {
    if (name.isEmpty()) {
      return Optional.of(root);
    }
    Integer known = open.get(name);
    if (known != null) {
      return Optional.of(known);
    }
    try {
      int fd = openFolder(name);
      remember(name, fd);
      return Optional.of(fd);
    } catch (SystemCallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ENOTDIR)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private int openFolder(String name) throws IOException {
    return DirectoryCalls.openInRoot(
        root, bytes(name), DirectoryCalls.O_PATH | DirectoryCalls.O_DIRECTORY);
  }

  private void remember(String name, int fd) {
    open.put(name, fd);
    if (open.size() > CACHED_FOLDERS) {
      Iterator<Map.Entry<String, Integer>> eldest = open.entrySet().iterator();
      retired.add(eldest.next().getValue());
      eldest.remove();
    }
  }

  /** Makes one missing folder, its parents first. */
  private void make(String name, String entry, int links) throws IOException {
    if (links == 0) {
      throw refused(entry, "lies below symbolic links that lead nowhere");
    }
    int parent = folder(parentOf(name), entry, links - 1);
    byte[] last = lastOf(name);
    Optional<FileStatus> there = DirectoryCalls.statIfThere(parent, last);
    if (there.isEmpty()) {
      DirectoryCalls.mkdirat(parent, last, 0755);
      takeOver(name, parent, last);
    } else if (there.get().isSymlink()) {
      String target =
          new String(DirectoryCalls.readlinkat(parent, last), StandardCharsets.ISO_8859_1);
      folder(within(target, parentOf(name)), entry, links - 1);
    } else if (overlay && there.get().isWhiteout()) {
      DirectoryCalls.unlinkat(parent, last);
      DirectoryCalls.mkdirat(parent, last, 0755);
      DirectoryCalls.setXattr(parent, last, OPAQUE, YES);
    } else if (!there.get().isDirectory()) {
      throw refused(entry, "lies below \"" + TarEntry.shown(name) + "\", which is no directory");
    }
  }

  /** A link's target as a name from the root, ".." stopping there. */
  private static String within(String target, String base) {
    Deque<String> parts = new ArrayDeque<>();
    String whole = target.startsWith("/") ? target : base + "/" + target;
    for (String part : whole.split("/")) {
      if (part.equals("..")) {
        parts.pollLast();
      } else if (!part.isEmpty() && !part.equals(".")) {
        parts.addLast(part);
      }
    }
    return String.join("/", parts);
  }

  /** A folder that only lower layers have keeps their owner and mode in the upper one. */
  private void takeOver(String name, int parent, byte[] last) throws IOException {
    for (int lower : lowers) {
      try {
        int fd =
            DirectoryCalls.openInRoot(
                lower, bytes(name), DirectoryCalls.O_PATH | DirectoryCalls.O_DIRECTORY);
        FileStatus status = DirectoryCalls.stat(fd, new byte[0]);
        DirectoryCalls.close(fd);
        DirectoryCalls.chownat(parent, last, status.uid(), status.gid());
        DirectoryCalls.chmodat(parent, last, status.permissions());
        return;
      } catch (SystemCallException e) {
        if (!e.is(Errno.ENOENT) && !e.is(Errno.ENOTDIR)) {
          throw e;
        }
      }
    }
  }

  /** Removes a name with all that is below it; nothing where it is not there. */
  void remove(int parent, byte[] last) throws IOException {
    Optional<FileStatus> there = DirectoryCalls.statIfThere(parent, last);
    if (there.isEmpty()) {
      return;
    }
    // What was opened by name may have gone, or become another.
    forget();
    if (!there.get().isDirectory()) {
      DirectoryCalls.unlinkat(parent, last);
      return;
    }
    empty(parent, last, name -> true);
    DirectoryCalls.rmdirat(parent, last);
  }

  /** Which direct child of a folder may be removed. */
  interface Choice {
    boolean removable(String child);
  }

  /** Removes the chosen children of a folder. */
  void empty(int parent, byte[] last, Choice choice) throws IOException {
    int flags = DirectoryCalls.O_RDONLY | DirectoryCalls.O_DIRECTORY | DirectoryCalls.O_NOFOLLOW;
    int fd = DirectoryCalls.openat(parent, last, flags, 0);
    try {
      // The JDK lists and deletes by path; this one stands for the open folder, links or not.
      Path folder = Path.of("/proc/self/fd/" + fd + "/.");
      try (var children = Files.newDirectoryStream(folder)) {
        for (Path child : children) {
          if (choice.removable(child.getFileName().toString())) {
            delete(child);
          }
        }
      }
    } finally {
      DirectoryCalls.close(fd);
    }
  }

  private static void delete(Path tree) throws IOException {
    Files.walkFileTree(
        tree,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path dir, IOException e) throws IOException {
            if (e != null) {
              throw e;
            }
            Files.delete(dir);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  static Refusal refused(String entry, String why) {
    return Refusal.invalidArgument(
        "entry \"" + entry + "\" of the archive " + why + "; the image is refused");
  }

  private void forget() {
    retired.addAll(open.values());
    open.clear();
  }

  /** Closes what the last entry may still have used. */
  void closeRetired() {
    if (!retired.isEmpty()) {
      retired.forEach(DirectoryCalls::close);
      retired.clear();
    }
  }

  @Override
  public void close() {
    forget();
    closeRetired();
    lowers.forEach(DirectoryCalls::close);
    DirectoryCalls.close(root);
  }
}
