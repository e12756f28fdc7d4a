package dev.retainerd.runtime.linux;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileCallsTest {
  @TempDir Path folder;

  @Test
  void aHeldFifoKeepsBytesWhileNobodyReads() throws Exception {
    Path fifo = folder.resolve("out");
    FileCalls.makeFifo(fifo, 0600);
    try (NativeFile held = NativeFile.holdFifo(fifo)) {
      // Opening for writing would block for ever if nobody held the other end.
      Files.write(fifo, "kept".getBytes(StandardCharsets.UTF_8), StandardOpenOption.WRITE);
      byte[] read = new byte[4];
      // For reading and writing: with no writer left, opening for reading alone would block.
      try (var in = new RandomAccessFile(held.procPath().toFile(), "rw")) {
        in.readFully(read);
      }
      assertArrayEquals("kept".getBytes(StandardCharsets.UTF_8), read);
    }
  }

  @Test
  void aFailureNamesCallThingAndReason() {
    Path missing = folder.resolve("missing/fifo");
    SystemCallException e =
        assertThrows(SystemCallException.class, () -> FileCalls.makeFifo(missing, 0600));
    assertTrue(e.is(Errno.ENOENT));
    assertEquals(
        "mkfifo of " + missing + " failed: ENOENT (no such file or directory)", e.getMessage());
  }

  @Test
  void onlyOneOpenFileHasTheLock() throws Exception {
    Path path = folder.resolve("lock");
    int flags = NativeFile.O_RDWR | NativeFile.O_CREAT;
    try (NativeFile first = NativeFile.open(path, flags, 0600);
        NativeFile second = NativeFile.open(path, flags, 0600)) {
      assertTrue(first.tryLock());
      assertFalse(second.tryLock());
      first.close();
      assertTrue(second.tryLock());
    }
  }

  @Test
  void attributesOfAFileAreSetListedAndRemoved() throws Exception {
    Path file = Files.createFile(folder.resolve("f"));
    FileCalls.setAttribute(file, "user.a", new byte[] {1, 0, 2});
    FileCalls.setAttribute(file, "user.empty", new byte[0]);
    assertArrayEquals(new byte[] {1, 0, 2}, FileCalls.attribute(file, "user.a").orElseThrow());
    assertTrue(FileCalls.attributeNames(file).containsAll(List.of("user.a", "user.empty")));
    FileCalls.removeAttribute(file, "user.a");
    assertTrue(FileCalls.attribute(file, "user.a").isEmpty());
  }

  @Test
  void timesOfALinkAreItsOwn() throws Exception {
    Path target = Files.createFile(folder.resolve("t"));
    Path link = Files.createSymbolicLink(folder.resolve("l"), target);
    FileCalls.setTimes(link, 5, 1_234_567_890L);
    assertEquals(1, Files.getLastModifiedTime(link, LinkOption.NOFOLLOW_LINKS).toMillis() / 1000);
    assertTrue(Files.getLastModifiedTime(target).toMillis() > 1_000_000_000_000L);
    FileCalls.setTimes(target, -1, -1);
    assertEquals(-1, Files.getLastModifiedTime(target).toInstant().getEpochSecond());
  }

  @Test
  void aNameBelowAFolderDoesNotLeadOut() throws Exception {
    Files.createSymbolicLink(folder.resolve("out"), Path.of("/etc/passwd"));
    try (NativeFile dir = NativeFile.open(folder, NativeFile.O_PATH | NativeFile.O_DIRECTORY, 0)) {
      assertThrows(
          SystemCallException.class,
          () ->
              NativeFile.openBelow(dir, "out", NativeFile.O_RDONLY, 0, NativeFile.RESOLVE_BENEATH));
    }
  }

  @Test
  void anExistingTargetIsNotReplaced() throws Exception {
    Path from = Files.createFile(folder.resolve("from"));
    Path to = Files.createFile(folder.resolve("to"));
    assertFalse(FileCalls.renameIfAbsent(from, to));
    assertTrue(FileCalls.renameIfAbsent(from, folder.resolve("free")));
  }

  @Test
  @Tag("real")
  void deviceNodesAndOwnersAreAsAsked() throws Exception {
    Path node = folder.resolve("null");
    FileCalls.makeNode(node, FileCalls.S_IFCHR | 0600, 1, 3);
    FileCalls.changeOwner(node, 4_000_000_000L, 12);
    FileCalls.changeMode(node, 04755);
    Map<String, Object> is = Files.readAttributes(node, "unix:rdev,uid,gid,mode");
    assertEquals(0x103L, is.get("rdev"));
    assertEquals(12, is.get("gid"));
    assertEquals(4_000_000_000L, Integer.toUnsignedLong((Integer) is.get("uid")));
    assertEquals(FileCalls.S_IFCHR | 04755, is.get("mode"));
  }

  @Test
  @Tag("real")
  void stackedMountsAllGoAndASecondTryIsFine() throws Exception {
    Path target = Files.createDirectory(folder.resolve("m m"));
    Mounts.mount("a", target, "tmpfs", Mounts.MS_NOSUID, "size=64k");
    Mounts.mount("b", target, "tmpfs", Mounts.MS_NOSUID, "size=64k");
    assertEquals("b", MountTable.read().at(target).orElseThrow().source());
    assertTrue(Mounts.unmountAll(target));
    assertTrue(MountTable.read().below(folder).isEmpty());
    assertFalse(Mounts.unmountAll(target));
    assertFalse(Mounts.unmountAll(folder.resolve("missing")));
  }
}
