package dev.retainerd.eventlog.files;

import dev.retainerd.eventlog.Durability;
import dev.retainerd.eventlog.EventLogException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Whether a folder can hold a log: writable, on a local disk, where a sync means something. */
public final class DiskCheck {
  /** As /proc/self/mountinfo names them; each is shared between machines. */
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
          "afs",
          "coda",
          "lustre",
          "gfs2",
          "ocfs2",
          "gpfs",
          "beegfs",
          "orangefs",
          "virtiofs");

  /** File systems of user space that stand on a local disk: the rest of fuse may be anywhere. */
  private static final Set<String> LOCAL_FUSE = Set.of("fuse.fuse-overlayfs");

  private static final Set<String> VOLATILE = Set.of("tmpfs", "ramfs");
  private static final Path UNSYNCABLE = Path.of("/dev/null");
  private static final Path MOUNTS = Path.of("/proc/self/mountinfo");

  private DiskCheck() {}

  /**
   * Refuses a folder that cannot hold a log of that durability.
   *
   * @throws EventLogException with the reason and the mend
   */
  public static void check(Path folder, Durability durability) throws IOException {
    refusal(folder.toRealPath(), Files.readAllLines(MOUNTS), durability)
        .ifPresent(
            why -> {
              throw new EventLogException(why);
            });
    if (durability == Durability.POWER_LOSS) {
      refuseFakeSync();
      force(folder);
    }
  }

  /**
   * Why the file system of a folder cannot hold a log; empty where it can.
   *
   * @param folder without symbolic links
   * @param mountinfo lines as in /proc/self/mountinfo
   */
  static Optional<String> refusal(Path folder, List<String> mountinfo, Durability durability) {
    Mount mount = mountOf(folder, mountinfo);
    boolean fuse = mount.type.equals("fuse") || mount.type.startsWith("fuse.");
    if (NETWORK.contains(mount.type) || fuse && !LOCAL_FUSE.contains(mount.type)) {
      return Optional.of(
          folder
              + " lies on the network file system "
              + mount.type
              + ", where memory maps of two machines differ; put root on a local disk");
    }
    if (durability == Durability.POWER_LOSS && VOLATILE.contains(mount.type)) {
      return Optional.of(
          folder
              + " lies in memory ("
              + mount.type
              + "), which no loss of power survives; put root on a disk, or set durability ="
              + " \"process-crash\"");
    }
    if (durability == Durability.POWER_LOSS
        && Set.of(mount.options.split(",")).contains("volatile")) {
      return Optional.of(
          folder
              + " lies on an overlay mounted volatile, which ignores every sync; mount it"
              + " without, or set durability = \"process-crash\"");
    }
    return Optional.empty();
  }

  /** One real write and sync in the folder, which must not fail. */
  private static void force(Path folder) throws IOException {
    Path probe = folder.resolve("sync-check");
    try (FileChannel channel =
        FileChannel.open(probe, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(512), 0);
      channel.force(true);
    } catch (IOException e) {
      if (String.valueOf(e.getMessage()).contains("No space left on device")) {
        // Full is not broken: opening the log gives back what its last writer kept in reserve.
        return;
      }
      throw new EventLogException(
          "a sync of a file in " + folder + " fails (" + e + "); mend the disk or its mount", e);
    } finally {
      Files.deleteIfExists(probe);
    }
  }

  /**
   * Refuses where a sync does not get as far as the kernel: a library loaded ahead of the C library
   * can make every sync succeed at once, as build machines like it. The kernel refuses to sync a
   * device that cannot be synced; whoever does not hear of that does not ask it.
   */
  private static void refuseFakeSync() throws IOException {
    try (FileChannel device = FileChannel.open(UNSYNCABLE, StandardOpenOption.WRITE)) {
      device.force(false);
    } catch (IOException refusedByTheKernel) {
      return;
    }
    String preload = System.getenv().getOrDefault("LD_PRELOAD", "");
    throw new EventLogException(
        "a sync does not reach the kernel"
            + (preload.isEmpty() ? "" : ", since LD_PRELOAD=" + preload + " takes its place")
            + "; start the daemon without what swallows it, or set durability ="
            + " \"process-crash\"");
  }

  private record Mount(String point, String type, String options) {}

  private static Mount mountOf(Path folder, List<String> mountinfo) {
    String real = folder.toString();
    Mount best = new Mount("", "", "");
    for (String line : mountinfo) {
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
