package dev.retainerd.runtime.cgroup;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is done before a process is put into its cgroups, and to whom. */
final class AttachAheadTest {
  @TempDir Path folder;

  /** Also again, and after it was moved; a cgroup that is gone is passed over. */
  @Test
  @Timeout(10)
  void itMovesItselfToWhereItIs() throws Exception {
    Path self = Files.writeString(folder.resolve("self"), "0::/gone\n");
    AttachAhead ahead =
        AttachAhead.start(
            self,
            () -> new Cgroups(CgroupMode.UNIFIED, List.of(new Hierarchy(folder, Set.of(), true))));
    ahead.expect();
    for (String name : List.of("first", "second")) {
      Path procs = Files.createDirectory(folder.resolve(name)).resolve("cgroup.procs");
      Files.createFile(procs);
      Files.writeString(self, "0::/" + name + "\n");
      while (!Files.readString(procs).equals("0")) {
        ahead.expect();
        Thread.sleep(1);
      }
    }
    assertEquals(1, Files.list(folder.resolve("first")).count());
  }
}
