package dev.retainerd.runtime.archive;

import dev.retainerd.runtime.linux.DirectoryCalls;
import dev.retainerd.runtime.linux.FileStatus;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Writes what one tree has over another as a layer: new and changed names with all they are, and
 * whiteouts for names that are gone. Applied on the left tree, the layer makes the right one.
 *
 * <p>Two files are taken as equal where they are the same inode, or agree in type, mode, owner,
 * size, time and capabilities; where neither time has fractions of a second, their bytes are
 * compared too, since a layer's times have none. Semantics: containerd's walking differ.
 */
public final class LayerComparison {
  private static final int COPY_BYTES = 128 * 1024;
  private static final String WHITEOUT = ".wh.";
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  /**
   * A tree to compare.
   *
   * @param folders uppermost first; none for an empty tree
   * @param overlay whether marks of overlayfs in them mean something
   */
  public record Side(List<Path> folders, boolean overlay) {
    public Side {
      folders = List.copyOf(folders);
    }
  }

  private final MergedTree left;
  private final MergedTree right;
  private final TarWriter tar;
  private final Optional<Long> latestSeconds;
  private final byte[] buffer = new byte[COPY_BYTES];
  private final byte[] other = new byte[COPY_BYTES];

  /** Folders that the layer names already. */
  private final Set<String> named = new HashSet<>();

  /** The folders that the walk is in, by name. */
  private final Map<String, MergedTree.Node> under = new HashMap<>();

  /** Files with several names, by device and inode: the first name that the layer has of each. */
  private final Map<String, String> links = new HashMap<>();

  private LayerComparison(
      MergedTree left, MergedTree right, TarWriter tar, Optional<Long> latestSeconds) {
    this.left = left;
    this.right = right;
    this.tar = tar;
    this.latestSeconds = latestSeconds;
  }

  /**
   * Writes the layer, uncompressed.
   *
   * @param latestSeconds times after this one are written as this one, so that builds can be
   *     repeated; empty for none
   * @throws dev.retainerd.runtime.error.Refusal failed precondition, where a tree has marks that
   *     only the kernel understands
   */
  public static void write(Side left, Side right, OutputStream out, Optional<Long> latestSeconds)
      throws IOException {
    try (MergedTree before = new MergedTree(left.folders(), left.overlay());
        MergedTree after = new MergedTree(right.folders(), right.overlay())) {
      TarWriter tar = new TarWriter(out);
      LayerComparison comparison = new LayerComparison(before, after, tar, latestSeconds);
      Optional<MergedTree.Node> root = after.root();
      if (root.isPresent()) {
        comparison.folder(before.root(), root.get());
      }
      tar.finish();
    }
  }

  private void folder(Optional<MergedTree.Node> before, MergedTree.Node after) throws IOException {
    if (before.isPresent() && isSameFolder(before.get(), after)) {
      return;
    }
    Map<String, MergedTree.Node> old = before.isPresent() ? left.children(before.get()) : Map.of();
    Map<String, MergedTree.Node> now = right.children(after);
    under.put(after.path(), after);
    for (Map.Entry<String, MergedTree.Node> one : old.entrySet()) {
      if (!now.containsKey(one.getKey())) {
        whiteout(one.getValue());
      }
    }
    for (Map.Entry<String, MergedTree.Node> one : now.entrySet()) {
      child(Optional.ofNullable(old.get(one.getKey())), one.getValue());
    }
    under.remove(after.path());
  }

  /** Merged from the same folders: nothing below can differ. */
  private static boolean isSameFolder(MergedTree.Node before, MergedTree.Node after) {
    if (before.layers().size() != after.layers().size()) {
      return false;
    }
    for (int i = 0; i < before.layers().size(); i++) {
      if (!before.layers().get(i).isSame(after.layers().get(i))) {
        return false;
      }
    }
    return true;
  }

  private void child(Optional<MergedTree.Node> before, MergedTree.Node after) throws IOException {
    boolean folderNow = after.status().isDirectory();
    boolean folderBefore = before.isPresent() && before.get().status().isDirectory();
    if (before.isEmpty() || !isSame(before.get(), after)) {
      entry(after);
    }
    if (folderNow) {
      folder(folderBefore ? before : Optional.empty(), after);
    }
  }

  private boolean isSame(MergedTree.Node before, MergedTree.Node after) throws IOException {
    FileStatus old = before.status();
    FileStatus now = after.status();
    if (before.layers().getFirst().isSame(after.layers().getFirst())) {
      return true;
    }
    if (old.mode() != now.mode()
        || old.uid() != now.uid()
        || old.gid() != now.gid()
        || old.deviceMajor() != now.deviceMajor()
        || old.deviceMinor() != now.deviceMinor()
        || !isSame(left.attributes(before), right.attributes(after))) {
      return false;
    }
    if (now.isDirectory()) {
      return true;
    }
    if (old.size() != now.size() || old.modifiedNanos() != now.modifiedNanos()) {
      return false;
    }
    if (now.isSymlink()) {
      return left.link(before).equals(right.link(after));
    }
    boolean whole = now.modifiedNanos() % NANOS_PER_SECOND == 0;
    return !whole || !now.isRegular() || now.size() == 0 || sameBytes(before, after);
  }

  private static boolean isSame(Map<String, byte[]> before, Map<String, byte[]> after) {
    return before.keySet().equals(after.keySet())
        && before.entrySet().stream()
            .allMatch(one -> Arrays.equals(one.getValue(), after.get(one.getKey())));
  }

  private boolean sameBytes(MergedTree.Node before, MergedTree.Node after) throws IOException {
    try (FileChannel old = open(left, before);
        FileChannel now = open(right, after)) {
      while (true) {
        int read = fill(now, buffer);
        if (read != fill(old, other)) {
          return false;
        }
        if (!Arrays.equals(buffer, 0, read, other, 0, read)) {
          return false;
        }
        if (read < COPY_BYTES) {
          return true;
        }
      }
    }
  }

  private static int fill(FileChannel from, byte[] into) throws IOException {
    ByteBuffer all = ByteBuffer.wrap(into);
    while (all.hasRemaining() && from.read(all) >= 0) {
      // read on
    }
    return all.position();
  }

  private static FileChannel open(MergedTree tree, MergedTree.Node node) throws IOException {
    int fd = tree.open(node);
    try {
      // A second, own descriptor, which the channel closes.
      return FileChannel.open(Path.of("/proc/self/fd/" + fd), StandardOpenOption.READ);
    } finally {
      DirectoryCalls.close(fd);
    }
  }

  private void whiteout(MergedTree.Node gone) throws IOException {
    parents(gone.path());
    String folder = Target.parentOf(gone.path());
    String last = gone.path().substring(gone.path().lastIndexOf('/') + 1);
    String name = (folder.isEmpty() ? "" : folder + "/") + WHITEOUT + last;
    tar.begin(TarEntry.plain(name, TarEntry.Kind.FILE, 0, 0));
  }

  /** A name comes after its folder, also where that did not change. */
  private void parents(String path) throws IOException {
    String folder = Target.parentOf(path);
    if (folder.isEmpty() || named.contains(folder)) {
      return;
    }
    parents(folder);
    entry(under.get(folder));
  }

  private void entry(MergedTree.Node node) throws IOException {
    FileStatus status = node.status();
    Optional<TarEntry.Kind> kind = kind(status);
    if (kind.isEmpty()) {
      return; // a socket: it means nothing without its process
    }
    parents(node.path());
    if (status.isDirectory()) {
      if (!named.add(node.path())) {
        return;
      }
      tar.begin(header(node, kind.get(), node.path() + "/", ""));
      return;
    }
    if (status.links() > 1) {
      String inode = status.ofMajor() + ":" + status.ofMinor() + ":" + status.inode();
      String first = links.putIfAbsent(inode, node.path());
      if (first != null) {
        tar.begin(header(node, TarEntry.Kind.HARDLINK, node.path(), first));
        return;
      }
    }
    tar.begin(header(node, kind.get(), node.path(), status.isSymlink() ? right.link(node) : ""));
    if (status.isRegular() && status.size() > 0) {
      copy(node, status.size());
    }
  }

  private static Optional<TarEntry.Kind> kind(FileStatus status) {
    return switch (status.mode() & DirectoryCalls.S_IFMT) {
      case DirectoryCalls.S_IFREG -> Optional.of(TarEntry.Kind.FILE);
      case DirectoryCalls.S_IFDIR -> Optional.of(TarEntry.Kind.DIRECTORY);
      case DirectoryCalls.S_IFLNK -> Optional.of(TarEntry.Kind.SYMLINK);
      case DirectoryCalls.S_IFCHR -> Optional.of(TarEntry.Kind.CHARACTER_DEVICE);
      case DirectoryCalls.S_IFBLK -> Optional.of(TarEntry.Kind.BLOCK_DEVICE);
      case DirectoryCalls.S_IFIFO -> Optional.of(TarEntry.Kind.FIFO);
      default -> Optional.empty();
    };
  }

  private TarEntry header(MergedTree.Node node, TarEntry.Kind kind, String name, String link)
      throws IOException {
    FileStatus status = node.status();
    boolean device = kind == TarEntry.Kind.CHARACTER_DEVICE || kind == TarEntry.Kind.BLOCK_DEVICE;
    long size = kind == TarEntry.Kind.FILE ? status.size() : 0;
    long seconds = Math.floorDiv(status.modifiedNanos(), NANOS_PER_SECOND);
    return new TarEntry(
        name,
        kind,
        status.permissions(),
        status.uid(),
        status.gid(),
        size,
        latestSeconds.isPresent() ? Math.min(seconds, latestSeconds.get()) : seconds,
        0,
        link,
        device ? status.deviceMajor() : 0,
        device ? status.deviceMinor() : 0,
        kind == TarEntry.Kind.HARDLINK ? Map.of() : right.attributes(node),
        List.of(new TarEntry.Piece(0, size)));
  }

  /** As many bytes as were announced: a file that a container shortens meanwhile ends in zeros. */
  private void copy(MergedTree.Node node, long size) throws IOException {
    try (FileChannel in = open(right, node)) {
      long left = size;
      while (left > 0) {
        int part = (int) Math.min(left, COPY_BYTES);
        ByteBuffer into = ByteBuffer.wrap(buffer, 0, part);
        while (into.hasRemaining() && in.read(into) >= 0) {
          // read on
        }
        Arrays.fill(buffer, into.position(), part, (byte) 0);
        tar.write(buffer, 0, part);
        left -= part;
      }
    }
  }
}
