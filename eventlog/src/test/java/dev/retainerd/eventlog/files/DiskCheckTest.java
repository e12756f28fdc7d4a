package dev.retainerd.eventlog.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Durability;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which file systems can hold a log, by what the kernel says of them. */
class DiskCheckTest {
  private static final Path LOG = Path.of("/var/lib/retainerd/log");
  private static final String ROOT = "22 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda rw";

  private static Optional<String> refusal(Durability durability, String... more) {
    List<String> lines = new java.util.ArrayList<>(List.of(ROOT));
    lines.addAll(List.of(more));
    return DiskCheck.refusal(LOG, lines, durability);
  }

  private static String mount(String point, String type, String options) {
    return "90 22 0:55 / " + point + " rw - " + type + " source " + options;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "9p",
        "ceph",
        "lustre",
        "virtiofs",
        "fuse.sshfs",
        "fuse",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.juicefs"
      })
  void aNetworkFileSystemIsRefusedByNameWhateverTheDurability(String type) {
    for (Durability durability : Durability.values()) {
      String why = refusal(durability, mount("/var/lib/retainerd", type, "rw")).orElseThrow();
      assertTrue(why.contains(LOG.toString()) && why.contains(" " + type + ","), why);
      assertTrue(why.endsWith("put root on a local disk"), why);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"ext4", "xfs", "btrfs", "zfs", "overlay", "f2fs", "fuseblk"})
  void aLocalDiskIsTaken(String type) {
    assertEquals(Optional.empty(), refusal(Durability.POWER_LOSS, mount("/var/lib", type, "rw")));
  }

  @Test
  void whatNoLossOfPowerSurvivesIsRefusedUnlessNothingElseWasPromised() {
    String memory = mount("/var/lib/retainerd", "tmpfs", "rw");
    String overlay = mount("/var/lib/retainerd", "overlay", "rw,lowerdir=/a,volatile");
    assertTrue(refusal(Durability.POWER_LOSS, memory).orElseThrow().contains("process-crash"));
    assertTrue(refusal(Durability.POWER_LOSS, overlay).orElseThrow().contains("volatile"));
    assertEquals(Optional.empty(), refusal(Durability.PROCESS_CRASH, memory));
    assertEquals(Optional.empty(), refusal(Durability.PROCESS_CRASH, overlay));
  }

  @Test
  void theMountThatCountsIsTheDeepestAndOfTwoOnOnePointTheLater() {
    assertEquals(
        Optional.empty(),
        refusal(
            Durability.POWER_LOSS,
            mount("/var", "nfs", "rw"),
            mount("/var/lib/retainerd", "ext4", "rw"),
            mount("/var/lib/retainerd-other", "nfs", "rw")));
    assertTrue(
        refusal(
                Durability.POWER_LOSS,
                mount("/var/lib/retainerd", "ext4", "rw"),
                mount("/var/lib/retainerd", "nfs4", "rw"))
            .isPresent());
  }
}
