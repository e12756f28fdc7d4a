package dev.retainerd.runtime.snapshot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OverlayFoldersTest {
  @TempDir Path root;
  private OverlayFolders folders;

  @BeforeEach
  void open() throws IOException {
    folders = OverlayFolders.open(root.resolve("overlayfs"));
  }

  @Test
  void mountsHaveContainerdsForms() {
    String base = root.resolve("overlayfs").toString();
    assertEquals(
        List.of(new Mount("bind", base + "/1/fs", List.of("rw", "rbind"))),
        folders.mounts(Purpose.ACTIVE, 1, List.of()));
    assertEquals(
        List.of(new Mount("bind", base + "/1/fs", List.of("ro", "rbind"))),
        folders.mounts(Purpose.VIEW, 1, List.of()));
    assertEquals(
        List.of(new Mount("bind", base + "/1/fs", List.of("ro", "rbind"))),
        folders.mounts(Purpose.VIEW, 2, List.of(1L)));
    Mount active = folders.mounts(Purpose.ACTIVE, 3, List.of(2L, 1L)).get(0);
    assertEquals("overlay", active.type());
    assertTrue(active.options().contains("workdir=" + base + "/3/work"));
    assertTrue(active.options().contains("upperdir=" + base + "/3/fs"));
    assertTrue(active.options().contains("lowerdir=" + base + "/2/fs:" + base + "/1/fs"));
    Mount view = folders.mounts(Purpose.VIEW, 3, List.of(2L, 1L)).get(0);
    assertFalse(view.options().stream().anyMatch(option -> option.startsWith("upperdir")));
  }

  @Tag("real")
  @Test
  void aChildTakesOverTheModeOfItsParentsTopFolder() throws IOException {
    folders.make(1, Purpose.ACTIVE, Optional.empty());
    Files.setPosixFilePermissions(folders.files(1), PosixFilePermissions.fromString("rwx--x--x"));
    folders.make(2, Purpose.ACTIVE, Optional.of(1L));
    assertEquals(
        "rwx--x--x",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(folders.files(2))));
  }

  @Tag("real")
  @Test
  void usageCountsBlocksAndFilesWithTwoNamesOnce() throws IOException {
    folders.make(1, Purpose.ACTIVE, Optional.empty());
    long empty = folders.usage(1).bytes();
    Path file = folders.files(1).resolve("a");
    Files.write(file, new byte[8192]);
    Files.createLink(folders.files(1).resolve("b"), file);
    Usage usage = folders.usage(1);
    assertEquals(2, usage.inodes());
    assertEquals(empty + 8192, usage.bytes());
    assertEquals(new Usage(0, 0), folders.usage(77));
  }

  @Tag("real")
  @Test
  void removalIsIdempotentAndAnInterruptedOneIsSwept() throws IOException {
    folders.make(1, Purpose.ACTIVE, Optional.empty());
    Files.createDirectories(folders.files(1).resolve("deep/er"));
    Files.createSymbolicLink(folders.files(1).resolve("out"), root);
    folders.remove(1);
    folders.remove(1);
    assertEquals(List.of(), folders.list());
    assertTrue(Files.exists(root));
    Files.createDirectories(root.resolve("overlayfs/gone-7/fs/x"));
    assertEquals(List.of(), folders.list());
    assertEquals(1, folders.sweep());
    assertFalse(Files.exists(root.resolve("overlayfs/gone-7")));
  }

  @Tag("real")
  @Test
  void theKernelTakesTheOverlayMounts() throws Exception {
    folders.make(1, Purpose.ACTIVE, Optional.empty());
    Files.writeString(folders.files(1).resolve("base"), "lower");
    folders.make(2, Purpose.ACTIVE, Optional.of(1L));
    Files.writeString(folders.files(2).resolve("second"), "middle");
    folders.make(3, Purpose.ACTIVE, Optional.of(2L));
    Path target = Files.createDirectory(root.resolve("mounted"));
    Mount mount = folders.mounts(Purpose.ACTIVE, 3, List.of(2L, 1L)).get(0);
    run(
        "mount",
        "-t",
        mount.type(),
        mount.source(),
        "-o",
        String.join(",", mount.options()),
        target.toString());
    try {
      assertEquals("lower", Files.readString(target.resolve("base")));
      Files.writeString(target.resolve("base"), "changed");
      Files.delete(target.resolve("second"));
    } finally {
      run("umount", target.toString());
    }
    assertEquals("changed", Files.readString(folders.files(3).resolve("base")));
    assertEquals("lower", Files.readString(folders.files(1).resolve("base")));
    folders.remove(3);
    assertEquals(List.of(1L, 2L), folders.list().stream().sorted().toList());
  }

  private static void run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).inheritIO().start();
    assertTrue(process.waitFor(30, TimeUnit.SECONDS), command[0]);
    assertEquals(0, process.exitValue(), String.join(" ", command));
  }
}
