package dev.retainerd.runtime.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class MountTableTest {
  private static final String TEXT =
      """
      25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw,discard
      31 25 0:4 net:[4026532177] /run/state/netns/a\\040b rw shared:2 master:7 - nsfs nsfs rw
      32 25 0:30 / /run/state rw,nosuid - tmpfs  rw,size=10k
      33 32 0:31 / /run/state/x\\134y ro - overlay overlay rw,lowerdir=/l1:/l2,upperdir=/u
      """;

  @Test
  void fieldsAreReadWithTheirEscapesAndOptionalParts() throws IOException {
    MountTable table = MountTable.parse(TEXT);
    MountPoint pin = table.at(Path.of("/run/state/netns/a b")).orElseThrow();
    assertEquals("net:[4026532177]", pin.root());
    assertEquals("nsfs", pin.type());
    assertEquals(List.of("shared:2", "master:7"), pin.propagation());
    MountPoint overlay = table.at(Path.of("/run/state/x\\y")).orElseThrow();
    assertTrue(overlay.isReadOnly());
    assertEquals(List.of("rw", "lowerdir=/l1:/l2", "upperdir=/u"), overlay.superOptions());
    assertEquals("", table.at(Path.of("/run/state")).orElseThrow().source());
  }

  @Test
  void aFolderHoldsItselfAndWhatIsBelowButNotItsNamesakes() throws IOException {
    MountTable table = MountTable.parse(TEXT);
    assertEquals(3, table.below(Path.of("/run/state")).size());
    assertEquals(0, table.below(Path.of("/run/sta")).size());
  }

  @Test
  void aDamagedLineIsNamed() {
    IOException e =
        assertThrows(IOException.class, () -> MountTable.parse("25 1 254:0 / / rw - ext4\n"));
    assertTrue(e.getMessage().contains("25 1 254:0 / / rw - ext4"), e.getMessage());
  }

  @Test
  void theTableOfThisMachineCanBeRead() throws IOException {
    assertTrue(MountTable.read().at(Path.of("/proc")).isPresent());
  }

  /** Of a path it says what the whole table says. */
  @Test
  void oneReadAboutAPathIsNoDifferent() throws IOException {
    MountTable all = MountTable.read();
    // Nobody mounts anything there while tests run side by side.
    for (Path target : List.of(Path.of("/proc"), Path.of("/sys"), Path.of("/dev"))) {
      MountTable about = MountTable.readAbout(target);
      assertTrue(about.at(target).isPresent(), target::toString);
      assertEquals(all.at(target), about.at(target));
      assertEquals(all.below(target), about.below(target));
    }
    assertEquals(List.of(), MountTable.readAbout(Path.of("/no/such/mount")).entries());
  }
}
