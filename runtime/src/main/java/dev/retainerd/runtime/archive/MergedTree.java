package dev.retainerd.runtime.archive;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.DirectoryCalls;
import dev.retainerd.runtime.linux.Errno;
import dev.retainerd.runtime.linux.FileStatus;
import dev.retainerd.runtime.linux.SystemCallException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What an overlay of some folders would show, without mounting it: names of upper folders hide
 * those of lower ones, whiteouts and opaque folders included. One folder is a tree of itself, none
 * is an empty tree.
 *
 * <p>Names are a byte to a char. Every look goes through a descriptor of a layer's root, so that a
 * running container that swaps folders for links meanwhile leads nobody out of it. For one thread.
 */
final class MergedTree implements Closeable {
  private static final byte[] OPAQUE = DirectoryCalls.name("trusted.overlay.opaque");
  private static final byte[] REDIRECT = DirectoryCalls.name("trusted.overlay.redirect");
  private static final byte[] METACOPY = DirectoryCalls.name("trusted.overlay.metacopy");
  private static final int FOLDER =
      DirectoryCalls.O_RDONLY | DirectoryCalls.O_DIRECTORY | DirectoryCalls.O_NOFOLLOW;

  private final List<Integer> roots = new ArrayList<>();
  private final boolean overlay;

  /**
   * A name of the tree.
   *
   * @param path from the root, "" for the root itself
   * @param status of what is seen
   * @param layers where it is: one for a file; for a folder all that it is merged from, uppermost
   *     first
   */
  record Node(String path, FileStatus status, List<Layer> layers) {}

  /** A name in one layer: which root, and what it is there. */
  record Layer(int root, FileStatus status) {
    /** Whether both are one and the same inode, so that nothing can differ. */
    boolean isSame(Layer other) {
      return status.inode() == other.status.inode()
          && status.ofMajor() == other.status.ofMajor()
          && status.ofMinor() == other.status.ofMinor();
    }
  }

  /**
   * Opens the folders.
   *
   * @param folders uppermost first
   * @param overlay whether marks of overlayfs in them mean something
   */
  MergedTree(List<Path> folders, boolean overlay) throws IOException {
    this.overlay = overlay;
    try {
      for (Path folder : folders) {
        roots.add(
            DirectoryCalls.openat(
                DirectoryCalls.CWD,
                DirectoryCalls.name(folder.toString()),
                DirectoryCalls.O_RDONLY | DirectoryCalls.O_DIRECTORY,
                0));
      }
    } catch (IOException e) {
      close();
      throw e;
    }
  }

  /** The root; empty for a tree of no folders. */
  Optional<Node> root() throws IOException {
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < roots.size(); i++) {
      layers.add(new Layer(i, DirectoryCalls.stat(roots.get(i), new byte[0])));
    }
    return layers.isEmpty()
        ? Optional.empty()
        : Optional.of(new Node("", layers.getFirst().status(), layers));
  }

  /** What is in a folder, in order of names. */
  Map<String, Node> children(Node folder) throws IOException {
    Map<String, List<Layer>> found = new TreeMap<>();
    // Names that an upper layer has decided on: a file, a whiteout, an opaque folder.
    Map<String, Boolean> closed = new TreeMap<>();
    for (Layer layer : folder.layers()) {
      Optional<Integer> opened = open(layer.root(), folder.path(), FOLDER);
      if (opened.isEmpty()) {
        continue;
      }
      try {
        for (String name : names(opened.get())) {
          if (!closed.containsKey(name)) {
            look(opened.get(), layer.root(), name, found, closed);
          }
        }
      } finally {
        DirectoryCalls.close(opened.get());
      }
    }
    Map<String, Node> children = new TreeMap<>();
    found.forEach(
        (name, layers) -> {
          String path = folder.path().isEmpty() ? name : folder.path() + "/" + name;
          children.put(name, new Node(path, layers.getFirst().status(), layers));
        });
    return children;
  }

  private void look(
      int folder,
      int root,
      String name,
      Map<String, List<Layer>> found,
      Map<String, Boolean> closed)
      throws IOException {
    byte[] last = Target.bytes(name);
    Optional<FileStatus> there = DirectoryCalls.statIfThere(folder, last);
    if (there.isEmpty()) {
      return; // gone since it was listed
    }
    FileStatus status = there.get();
    boolean above = found.containsKey(name);
    if (overlay && status.isWhiteout()) {
      closed.put(name, true);
    } else if (!status.isDirectory()) {
      closed.put(name, true);
      if (!above) {
        refuse(folder, last, name, METACOPY, "metacopy");
        found.put(name, List.of(new Layer(root, status)));
      }
    } else {
      refuse(folder, last, name, REDIRECT, "redirect_dir");
      found.computeIfAbsent(name, n -> new ArrayList<>()).add(new Layer(root, status));
      if (!overlay || isOpaque(folder, last)) {
        closed.put(name, true);
      }
    }
  }

  private static boolean isOpaque(int folder, byte[] last) throws IOException {
    Optional<byte[]> mark = attribute(folder, last, OPAQUE);
    return mark.isPresent() && Arrays.equals(mark.get(), Target.YES);
  }

  /** What these marks refer to is found by the kernel alone. */
  private void refuse(int folder, byte[] last, String name, byte[] mark, String feature)
      throws IOException {
    if (overlay && attribute(folder, last, mark).isPresent()) {
      throw Refusal.failedPrecondition(
          "\""
              + TarEntry.shown(name)
              + "\" was changed under overlayfs's feature "
              + feature
              + ", which cannot be compared; mount with "
              + feature
              + "=off");
    }
  }

  private static Optional<byte[]> attribute(int folder, byte[] last, byte[] name)
      throws IOException {
    try {
      return DirectoryCalls.xattr(folder, last, name);
    } catch (SystemCallException e) {
      if (e.is(Errno.EOPNOTSUPP) || e.is(Errno.ENOENT)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** The uppermost layer's own, of those that describe the file and not its place here. */
  Map<String, byte[]> attributes(Node node) throws IOException {
    Map<String, byte[]> found = new TreeMap<>();
    Optional<Integer> folder = parent(node);
    if (folder.isEmpty()) {
      return found;
    }
    byte[] last = last(node);
    try {
      for (byte[] bytes : DirectoryCalls.xattrs(folder.get(), last)) {
        String name = new String(bytes, StandardCharsets.ISO_8859_1);
        boolean travels = name.equals("security.capability") || name.startsWith("user.");
        if (travels && !name.startsWith("user.overlay.")) {
          attribute(folder.get(), last, bytes).ifPresent(value -> found.put(name, value));
        }
      }
    } catch (SystemCallException e) {
      if (!e.is(Errno.EOPNOTSUPP) && !e.is(Errno.ENOENT)) {
        throw e;
      }
    } finally {
      DirectoryCalls.close(folder.get());
    }
    return found;
  }

  /** A symbolic link's target. */
  String link(Node node) throws IOException {
    int folder = parent(node).orElseThrow(() -> gone(node));
    try {
      return new String(DirectoryCalls.readlinkat(folder, last(node)), StandardCharsets.ISO_8859_1);
    } finally {
      DirectoryCalls.close(folder);
    }
  }

  /** Opens a file to read; the caller closes the descriptor. */
  int open(Node node) throws IOException {
    int flags = DirectoryCalls.O_RDONLY | DirectoryCalls.O_NOFOLLOW;
    return open(node.layers().getFirst().root(), node.path(), flags).orElseThrow(() -> gone(node));
  }

  private static IOException gone(Node node) {
    return new IOException("\"" + TarEntry.shown(node.path()) + "\" is gone while it is read");
  }

  private Optional<Integer> parent(Node node) throws IOException {
    String folder = node.path().isEmpty() ? "" : Target.parentOf(node.path());
    return open(node.layers().getFirst().root(), folder, FOLDER);
  }

  private static byte[] last(Node node) {
    return node.path().isEmpty() ? new byte[] {'.'} : Target.lastOf(node.path());
  }

  private Optional<Integer> open(int root, String path, int flags) throws IOException {
    byte[] name = path.isEmpty() ? new byte[] {'.'} : Target.bytes(path);
    try {
      return Optional.of(DirectoryCalls.openInRoot(roots.get(root), name, flags));
    } catch (SystemCallException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ENOTDIR) || e.is(Errno.ELOOP)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private static List<String> names(int folder) throws IOException {
    List<String> found = new ArrayList<>();
    // The JDK lists by path; this one stands for the open folder, links or not.
    try (var entries = Files.newDirectoryStream(Path.of("/proc/self/fd/" + folder + "/."))) {
      for (Path entry : entries) {
        found.add(bytesOf(entry));
      }
    }
    return found;
  }

  private static String bytesOf(Path entry) {
    String text = entry.getFileName().toString();
    if (text.chars().allMatch(c -> c < 0x80)) {
      return text;
    }
    byte[] raw = DirectoryCalls.rawName(entry);
    String path = new String(raw, StandardCharsets.ISO_8859_1);
    return path.substring(path.lastIndexOf('/') + 1);
  }

  @Override
  public void close() {
    roots.forEach(DirectoryCalls::close);
    roots.clear();
  }
}
