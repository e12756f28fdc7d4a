package dev.retainerd.runtime.cgroup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which of the kernel's lines tells where we are. */
final class OwnCgroupTest {
  private static final String LINES =
      """
      9:name=systemd:/
      4:cpu,cpuacct:/slice
      3:memory:/a/b:c
      2:pids:/../outside
      0::/system.slice/retainerd.service
      """;

  @TempDir Path folder;

  private OwnCgroup told(String lines) throws IOException {
    return OwnCgroup.read(Files.writeString(folder.resolve("self"), lines));
  }

  private Optional<Path> own(Set<String> controllers, boolean v2) throws IOException {
    return told(LINES).in(new Hierarchy(folder, controllers, v2));
  }

  @Test
  void itIsThatOfTheHierarchy() throws Exception {
    assertEquals(Optional.of(folder.resolve("slice")), own(Set.of("cpuacct", "cpu"), false));
    assertEquals(Optional.of(folder.resolve("a/b:c")), own(Set.of("memory"), false));
    assertEquals(Optional.of(folder), own(Set.of("name=systemd"), false));
    assertEquals(
        Optional.of(folder.resolve("system.slice/retainerd.service")), own(Set.of("pids"), true));
    assertEquals(Optional.of("/system.slice/retainerd.service"), told(LINES).unified());
    assertEquals(Optional.of("/"), told("0::/\n").unified());
  }

  @Test
  void whereItCannotBeSeenThereIsNone() throws Exception {
    assertEquals(Optional.empty(), own(Set.of("pids"), false));
    assertEquals(Optional.empty(), own(Set.of("hugetlb"), false));
    assertEquals(Optional.empty(), told("\n0:x\n").unified());
    assertEquals(Optional.empty(), told("0::/../outside\n").unified());
    assertEquals(Optional.empty(), told("9:name=systemd:/\n").unified());
  }

  @Test
  void theKernelTellsOurs() throws Exception {
    OwnCgroup own = OwnCgroup.read();
    assertTrue(own.unified().isPresent() || Files.readString(OwnCgroup.SELF).contains(":memory:/"));
  }
}
