package dev.retainerd.bench.node;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A disk of its own for a node: a file behind a loop device, with ext4. It can be filled up, and it
 * can be made slow by the kernel's block I/O throttling (cgroup v1, on the root group, for this
 * device alone). For one thread.
 */
public final class LoopDisk implements AutoCloseable {
  private static final Path THROTTLE =
      Path.of("/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device");
  private static final int SECONDS_MAX = 60;
  private static final int CHUNK = 1 << 20;

  private final Path folder;
  private final Path mount;

  private LoopDisk(Path folder) {
    this.folder = folder;
    this.mount = folder.resolve("disk");
  }

  /** A disk of {@code megabytes}, mounted. */
  public static LoopDisk make(int megabytes) throws NodeException {
    try {
      LoopDisk disk = new LoopDisk(Traces.newFolder(Path.of("/tmp")));
      try {
        Traces.own(disk.folder, "", "/retain-bench/" + ProcessHandle.current().pid() + "-disk");
        Path image = disk.folder.resolve("image");
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
          file.setLength((long) megabytes << 20);
        }
        Commands.run(SECONDS_MAX, "mkfs.ext4", "-q", "-m", "0", image.toString());
        Files.createDirectory(disk.mount);
        Commands.run(SECONDS_MAX, "mount", "-o", "loop", image.toString(), disk.mount.toString());
        return disk;
      } catch (IOException | NodeException e) {
        disk.close();
        throw e;
      }
    } catch (IOException e) {
      throw new NodeException("no disk can be made in /tmp: " + e.getMessage(), e);
    }
  }

  /** Where it is mounted. */
  public Path mount() {
    return mount;
  }

  /** Takes all space that is left. */
  public void fill() throws IOException {
    Path filler = mount.resolve("filler");
    FileStore store = Files.getFileStore(mount);
    byte[] chunk = new byte[CHUNK];
    try (RandomAccessFile file = new RandomAccessFile(filler.toFile(), "rw")) {
      for (int size = CHUNK; size >= 1024; ) {
        try {
          file.write(chunk, 0, size);
        } catch (IOException e) {
          // Full for this size: the last blocks are taken by smaller ones.
          if (store.getUsableSpace() > CHUNK) {
            throw e;
          }
          size /= 2;
        }
      }
      file.getFD().sync();
    } catch (java.io.SyncFailedException e) {
      System.err.println("retain-bench: the full disk can't be synced: " + e.getMessage());
    }
  }

  /** Gives the space back. */
  public void empty() throws IOException {
    Files.deleteIfExists(mount.resolve("filler"));
  }

  /** Whether this kernel can make a disk slow. */
  public static boolean canThrottle() {
    return Files.isWritable(THROTTLE);
  }

  /** At most {@code perSecond} writes reach the disk in a second; 0 takes the limit away. */
  public void throttle(int perSecond) throws NodeException {
    try {
      Files.writeString(THROTTLE, device() + " " + perSecond);
    } catch (IOException e) {
      throw new NodeException("the disk can't be slowed down: " + e.getMessage(), e);
    }
  }

  /** Major and minor number, as the kernel writes them. */
  private String device() throws NodeException {
    List<String> lines = Mounts.linesBelow(folder);
    return lines.stream()
        .map(line -> line.split(" "))
        .filter(fields -> fields[4].equals(mount.toString()))
        .map(fields -> fields[2])
        .findFirst()
        .orElseThrow(() -> new NodeException(mount + " is not mounted any more"));
  }

  @Override
  public void close() {
    if (canThrottle()) {
      try {
        throttle(0);
      } catch (NodeException e) {
        System.err.println("retain-bench: " + e.getMessage());
      }
    }
    Traces.remove(folder, "", "/retain-bench/" + ProcessHandle.current().pid() + "-disk", false);
  }
}
