package dev.retainerd.runtime.archive;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.DirectoryCalls;
import dev.retainerd.runtime.linux.Errno;
import dev.retainerd.runtime.linux.FileStatus;
import dev.retainerd.runtime.linux.SystemCallException;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Unpacks an image layer onto a folder, with owners, modes, times, attributes, devices and links,
 * and carries out what it says about names that lower layers have. Semantics: the OCI image
 * specification's chapter on layers, and what containerd makes of its open ends.
 *
 * <p>An archive that tries to reach out of the folder, or is broken, is refused with invalid
 * argument and a sentence that names the entry; what was unpacked until then is the caller's to
 * remove.
 */
public final class LayerApplier {
  private static final String WHITEOUT = ".wh.";
  private static final String OPAQUE = ".wh..wh..opq";
  private static final String AUFS = ".wh..wh.";
  private static final int COPY_BYTES = 128 * 1024;
  private static final long FREE_SPACE_EVERY_BYTES = 64L << 20;

  private final Target target;
  private final boolean overlay;
  private final Bounds bounds;
  private final File disk;
  private final byte[] buffer = new byte[COPY_BYTES];

  /** Names this layer made: its own whiteouts do not remove them. */
  private final Set<String> made = new HashSet<>();

  /** Names this layer removed: a folder that comes in their place hides what was there. */
  private final Set<String> whitedOut = new HashSet<>();

  private final List<FolderTime> folderTimes = new ArrayList<>();
  private long entries;
  private long sinceFreeSpaceCheck = FREE_SPACE_EVERY_BYTES;

  /** Folders get their times last: each name made in them would change them. */
  private record FolderTime(String name, long seconds, int nanos) {}

  private LayerApplier(Target target, boolean overlay, Bounds bounds, File disk) {
    this.target = target;
    this.overlay = overlay;
    this.bounds = bounds;
    this.disk = disk;
  }

  /**
   * Unpacks a layer. The caller syncs the file system once for all layers of an image before it
   * says that they are there.
   *
   * @param layer a tar archive, plain or compressed by gzip or zstd; read to its end, not closed
   * @param folder where to; it must exist
   * @param lowers for an overlay, the folders below it, nearest first; else empty
   * @throws Refusal invalid argument for a hostile or broken archive, resource exhausted for one
   *     that is too large or a disk that is full
   */
  public static AppliedLayer apply(
      InputStream layer, Path folder, Whiteouts whiteouts, List<Path> lowers, Bounds bounds)
      throws IOException {
    boolean overlay = whiteouts == Whiteouts.OVERLAY;
    try (Target target = new Target(folder, overlay, lowers)) {
      LayerApplier applier = new LayerApplier(target, overlay, bounds, folder.toFile());
      // Not closed: that would close the caller's stream. The decompressors hold plain memory.
      LayerStream stream = new LayerStream(layer, bounds.bytes());
      TarReader reader = new TarReader(stream);
      for (Optional<TarEntry> entry = reader.next(); entry.isPresent(); entry = reader.next()) {
        applier.entry(entry.get(), reader);
      }
      stream.drain();
      applier.finish();
      return new AppliedLayer(stream.digest(), stream.total(), applier.entries);
    }
  }

  private void entry(TarEntry entry, TarReader reader) throws IOException {
    if (++entries > bounds.entries()) {
      throw Refusal.resourceExhausted(
          "the layer has more than " + bounds.entries() + " entries, which is the bound");
    }
    target.closeRetired();
    try {
      make(entry, reader);
    } catch (SystemCallException e) {
      throw named(entry, e);
    }
  }

  private void make(TarEntry entry, TarReader reader) throws IOException {
    String name = Target.clean(entry.name(), entry.shown());
    if (name.isEmpty()) {
      if (entry.kind() == TarEntry.Kind.DIRECTORY) {
        attributes(entry, "", target.root(), target.root(), new byte[] {'.'});
      }
      return;
    }
    int parent = target.folder(Target.parentOf(name), entry.shown());
    byte[] last = Target.lastOf(name);
    String plain = name.substring(name.lastIndexOf('/') + 1);
    if (plain.equals(OPAQUE)) {
      opaque(Target.parentOf(name), parent);
    } else if (plain.startsWith(AUFS)) {
      return; // what aufs kept for itself
    } else if (plain.startsWith(WHITEOUT)) {
      whiteout(entry, Target.parentOf(name), parent, plain.substring(WHITEOUT.length()));
    } else {
      switch (entry.kind()) {
        case FILE -> file(entry, reader, parent, last);
        case DIRECTORY -> directory(entry, name, parent, last);
        case SYMLINK -> symlink(entry, parent, last);
        case HARDLINK -> hardlink(entry, parent, last);
        case CHARACTER_DEVICE -> node(entry, parent, last, DirectoryCalls.S_IFCHR);
        case BLOCK_DEVICE -> node(entry, parent, last, DirectoryCalls.S_IFBLK);
        case FIFO -> node(entry, parent, last, DirectoryCalls.S_IFIFO);
      }
      if (!overlay) {
        made.add(name);
      }
    }
  }

  /** Makes a name; whatever has it already is removed first. */
  private interface Making {
    void run() throws IOException;
  }

  private void replacing(int parent, byte[] last, Making making) throws IOException {
    try {
      making.run();
    } catch (SystemCallException e) {
      if (!e.is(Errno.EEXIST)) {
        throw e;
      }
      target.remove(parent, last);
      making.run();
    }
  }

  private void file(TarEntry entry, TarReader reader, int parent, byte[] last) throws IOException {
    int flags =
        DirectoryCalls.O_WRONLY
            | DirectoryCalls.O_CREAT
            | DirectoryCalls.O_EXCL
            | DirectoryCalls.O_NOFOLLOW;
    int[] opened = new int[1];
    replacing(parent, last, () -> opened[0] = DirectoryCalls.openat(parent, last, flags, 0600));
    int fd = opened[0];
    try {
      copy(entry, reader, fd);
      DirectoryCalls.fchown(fd, entry.uid(), entry.gid());
      DirectoryCalls.fchmod(fd, entry.mode());
      xattrs(entry, parent, last);
      DirectoryCalls.setTimes(fd, entry.modifiedSeconds(), entry.modifiedNanos());
    } finally {
      DirectoryCalls.close(fd);
    }
  }

  private void copy(TarEntry entry, TarReader reader, int fd) throws IOException {
    long written = 0;
    for (TarEntry.Piece piece : entry.data()) {
      if (piece.length() == 0) {
        continue; // a map ends with an empty piece where the file ends with a hole
      }
      if (piece.offset() != written) {
        DirectoryCalls.seek(fd, piece.offset());
      }
      long left = piece.length();
      while (left > 0) {
        int read = reader.read(buffer, 0, (int) Math.min(left, COPY_BYTES));
        space(read);
        DirectoryCalls.write(fd, buffer, 0, read);
        left -= read;
      }
      written = piece.offset() + piece.length();
    }
    if (written < entry.size()) {
      DirectoryCalls.truncate(fd, entry.size());
    }
  }

  private void space(int bytes) throws IOException {
    sinceFreeSpaceCheck += bytes;
    if (sinceFreeSpaceCheck < FREE_SPACE_EVERY_BYTES) {
      return;
    }
    sinceFreeSpaceCheck = 0;
    long free = disk.getUsableSpace();
    if (free < bounds.freeBytes()) {
      throw Refusal.resourceExhausted(
          "the disk below "
              + disk
              + " has only "
              + free
              + " bytes left; "
              + bounds.freeBytes()
              + " must stay free, so remove images or enlarge it");
    }
  }

  private void directory(TarEntry entry, String name, int parent, byte[] last) throws IOException {
    boolean hides = whitedOut.contains(name);
    try {
      DirectoryCalls.mkdirat(parent, last, 0700);
    } catch (SystemCallException e) {
      if (!e.is(Errno.EEXIST)) {
        throw e;
      }
      FileStatus there = DirectoryCalls.stat(parent, last);
      if (!there.isDirectory()) {
        target.remove(parent, last);
        DirectoryCalls.mkdirat(parent, last, 0700);
      }
    }
    if (hides && overlay) {
      DirectoryCalls.setXattr(parent, last, Target.OPAQUE, Target.YES);
    }
    int flags = DirectoryCalls.O_RDONLY | DirectoryCalls.O_DIRECTORY | DirectoryCalls.O_NOFOLLOW;
    int fd = DirectoryCalls.openat(parent, last, flags, 0);
    try {
      attributes(entry, name, fd, parent, last);
    } finally {
      DirectoryCalls.close(fd);
    }
  }

  private void attributes(TarEntry entry, String name, int fd, int parent, byte[] last)
      throws IOException {
    DirectoryCalls.fchown(fd, entry.uid(), entry.gid());
    DirectoryCalls.fchmod(fd, entry.mode());
    xattrs(entry, parent, last);
    folderTimes.add(new FolderTime(name, entry.modifiedSeconds(), entry.modifiedNanos()));
  }

  private void symlink(TarEntry entry, int parent, byte[] last) throws IOException {
    byte[] to = Target.bytes(entry.link());
    replacing(parent, last, () -> DirectoryCalls.symlinkat(to, parent, last));
    DirectoryCalls.chownat(parent, last, entry.uid(), entry.gid());
    xattrs(entry, parent, last);
    DirectoryCalls.setTimes(parent, last, entry.modifiedSeconds(), entry.modifiedNanos());
  }

  private void hardlink(TarEntry entry, int parent, byte[] last) throws IOException {
    String to = Target.clean(entry.link(), entry.shown());
    Optional<Integer> folder =
        to.isEmpty() ? Optional.empty() : target.existing(Target.parentOf(to));
    byte[] toLast = Target.lastOf(to);
    Optional<FileStatus> there =
        folder.isPresent() ? DirectoryCalls.statIfThere(folder.get(), toLast) : Optional.empty();
    if (there.isEmpty() || there.get().isDirectory()) {
      throw Target.refused(
          entry.shown(),
          "is a hard link to \"" + TarEntry.shown(entry.link()) + "\", which is no file of it");
    }
    Optional<FileStatus> before = DirectoryCalls.statIfThere(parent, last);
    if (before.isPresent() && before.get().inode() == there.get().inode()) {
      return; // a link to itself, or made already
    }
    target.remove(parent, last);
    DirectoryCalls.linkat(folder.get(), toLast, parent, last);
  }

  private void node(TarEntry entry, int parent, byte[] last, int type) throws IOException {
    replacing(
        parent,
        last,
        () ->
            DirectoryCalls.mknodat(
                parent, last, type | 0600, entry.deviceMajor(), entry.deviceMinor()));
    DirectoryCalls.chownat(parent, last, entry.uid(), entry.gid());
    DirectoryCalls.chmodat(parent, last, entry.mode());
    xattrs(entry, parent, last);
    DirectoryCalls.setTimes(parent, last, entry.modifiedSeconds(), entry.modifiedNanos());
  }

  private static void xattrs(TarEntry entry, int parent, byte[] last) throws IOException {
    for (Map.Entry<String, byte[]> xattr : entry.xattrs().entrySet()) {
      if (xattr.getKey().contains("overlay.")) {
        // overlayfs obeys these: an image must not be able to redirect it.
        continue;
      }
      try {
        DirectoryCalls.setXattr(parent, last, Target.bytes(xattr.getKey()), xattr.getValue());
      } catch (SystemCallException e) {
        // As containerd does: a file system without them is no reason to refuse an image.
        if (!e.is(Errno.EOPNOTSUPP) && !e.is(Errno.EPERM)) {
          throw e;
        }
      }
    }
  }

  /** The folder hides everything that lower layers have in it. */
  private void opaque(String folder, int fd) throws IOException {
    if (overlay) {
      DirectoryCalls.setXattr(fd, new byte[] {'.'}, Target.OPAQUE, Target.YES);
      return;
    }
    String prefix = folder.isEmpty() ? "" : folder + "/";
    target.empty(fd, new byte[] {'.'}, child -> !made.contains(prefix + child));
  }

  private void whiteout(TarEntry entry, String folder, int parent, String hidden)
      throws IOException {
    if (hidden.isEmpty() || hidden.equals(".") || hidden.equals("..")) {
      throw Target.refused(entry.shown(), "removes no name that can be");
    }
    String name = folder.isEmpty() ? hidden : folder + "/" + hidden;
    byte[] last = Target.bytes(hidden);
    if (!overlay) {
      if (!made.contains(name)) {
        target.remove(parent, last);
      }
      return;
    }
    Optional<FileStatus> there = DirectoryCalls.statIfThere(parent, last);
    if (there.isEmpty()) {
      DirectoryCalls.mknodat(parent, last, DirectoryCalls.S_IFCHR, 0, 0);
      whitedOut.add(name);
    } else if (there.get().isDirectory()) {
      // It came earlier in this layer: only what lower layers have below it is meant.
      DirectoryCalls.setXattr(parent, last, Target.OPAQUE, Target.YES);
    }
  }

  private void finish() throws IOException {
    for (int i = folderTimes.size() - 1; i >= 0; i--) {
      FolderTime time = folderTimes.get(i);
      Optional<Integer> folder = target.existing(time.name());
      if (folder.isPresent()) {
        DirectoryCalls.setTimes(folder.get(), new byte[] {'.'}, time.seconds(), time.nanos());
      }
    }
  }

  private static IOException named(TarEntry entry, SystemCallException e) {
    return switch (e.errno()) {
      case ENOSPC, EDQUOT ->
          throw Refusal.resourceExhausted(
                  "no space left for entry \""
                      + entry.shown()
                      + "\"; remove images or enlarge the disk")
              .because(e);
      case ENAMETOOLONG, EINVAL, ELOOP, ENOTDIR, EISDIR, EPERM, EMLINK, EFBIG, E2BIG, ERANGE ->
          throw Target.refused(entry.shown(), "cannot be made: " + e.errno().meaning()).because(e);
      default -> e;
    };
  }
}
