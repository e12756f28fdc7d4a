package dev.retainerd.eventlog.files;

import dev.retainerd.eventlog.Durability;
import dev.retainerd.eventlog.EventLogException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/** Whether a folder can hold a log: writable, on a local disk, where a sync means something. */
public final class DiskCheck {
  private static final Set<String> NETWORK =
      Set.of(
          "nfs",
          "nfs4",
          "cifs",
          "smb3",
          "smbfs",
          "9p",
          "ceph",
          "glusterfs",
          "fuse.glusterfs",
          "fuse.sshfs",
          "afs",
          "lustre",
          "gfs2",
          "ocfs2",
          "beegfs",
          "virtiofs");
  private static final Set<String> VOLATILE = Set.of("tmpfs", "ramfs");

  private DiskCheck() {}

  /**
   * Refuses a folder that cannot hold a log of that durability.
   *
   * @throws EventLogException with the reason and the mend
   */
  public static void check(Path folder, Durability durability) throws IOException {
    Mount mount = mountOf(folder);
    if (NETWORK.contains(mount.type)) {
      throw new EventLogException(
          folder
              + " lies on the network file system "
              + mount.type
              + ", where memory maps of two machines differ; put root on a local disk");
    }
    if (durability == Durability.POWER_LOSS) {
      if (VOLATILE.contains(mount.type)) {
        throw new EventLogException(
            folder
                + " lies in memory ("
                + mount.type
                + "), which no loss of power survives; put root on a disk, or set durability ="
                + " \"process-crash\"");
      }
      if (mount.options.contains("volatile")) {
        throw new EventLogException(
            folder
                + " lies on an overlay mounted volatile, which ignores every sync; mount it"
                + " without, or set durability = \"process-crash\"");
      }
      refuseFakeSync();
      force(folder);
    }
  }

  /** One real write and sync in the folder, which must not fail. */
  private static void force(Path folder) throws IOException {
    Path probe = folder.resolve("sync-check");
    try (FileChannel channel =
        FileChannel.open(probe, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(512), 0);
      channel.force(true);
    } catch (IOException e) {
      throw new EventLogException(
          "a sync of a file in " + folder + " fails (" + e + "); mend the disk or its mount", e);
    } finally {
      Files.deleteIfExists(probe);
    }
  }

  /** A library that is loaded ahead of the C library to make every sync a no-op. */
  private static void refuseFakeSync() throws IOException {
    String preload = System.getenv().getOrDefault("LD_PRELOAD", "");
    if (preload.contains("eatmydata") || preload.contains("nosync")) {
      throw new EventLogException(
          "LD_PRELOAD="
              + preload
              + " turns every sync into nothing; start the daemon without it, or set durability ="
              + " \"process-crash\"");
    }
  }

  private record Mount(String point, String type, String options) {}

  private static Mount mountOf(Path folder) throws IOException {
    String real = folder.toRealPath().toString();
    Mount best = new Mount("", "", "");
    for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
      int dash = line.indexOf(" - ");
      String[] left = line.substring(0, dash).split(" ", -1);
      String[] right = line.substring(dash + 3).split(" ", -1);
      String point = left[4].replace("\\040", " ");
      boolean holds = point.equals("/") || real.equals(point) || real.startsWith(point + "/");
      // Of two mounts on one point the later one is on top.
      if (holds && point.length() >= best.point.length()) {
        best = new Mount(point, right[0], right.length > 2 ? right[2] : "");
      }
    }
    return best;
  }
}
