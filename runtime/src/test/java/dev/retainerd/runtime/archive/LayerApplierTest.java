package dev.retainerd.runtime.archive;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.DirectoryCalls;
import dev.retainerd.runtime.linux.FileStatus;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Needs root: owners, devices and attributes are real. */
@Tag("real")
class LayerApplierTest {
  @TempDir Path temp;
  private Path root;

  @BeforeEach
  void makeRoot() throws IOException {
    root = Files.createDirectory(temp.resolve("root"));
  }

  private AppliedLayer apply(byte[] tar, Whiteouts whiteouts, Path... lowers) throws IOException {
    return LayerApplier.apply(
        new ByteArrayInputStream(tar), root, whiteouts, List.of(lowers), Bounds.USUAL);
  }

  private FileStatus status(String name) throws IOException {
    return DirectoryCalls.stat(
        DirectoryCalls.CWD, DirectoryCalls.name(root.resolve(name).toString()));
  }

  private boolean opaque(String name) throws IOException {
    return DirectoryCalls.xattr(
            DirectoryCalls.CWD,
            DirectoryCalls.name(root.resolve(name).toString()),
            DirectoryCalls.name("trusted.overlay.opaque"))
        .isPresent();
  }

  private static String sha256(byte[] bytes) throws Exception {
    return "sha256:" + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  @Test
  void everyKindOfEntryArrivesWithItsAttributes() throws Exception {
    byte[] tar =
        new TarBuilder()
            .folder("bin", 0755)
            .file("bin/su", new byte[] {1, 2, 3}, 04755, 1234, Map.of())
            .hardlink("bin/su2", "bin/su")
            .symlink("bin/sh", "/bin/su")
            .fifo("pipe")
            .device("tty", 5, 1)
            .file("ä/" + "n".repeat(150) + "/deep", "deep")
            .file("cap", new byte[0], 0755, 0, Map.of("SCHILY.xattr.user.note", "hi"))
            .build();
    AppliedLayer applied = apply(tar, Whiteouts.DIRECT);
    assertEquals(sha256(tar), applied.diffId());
    assertEquals(tar.length, applied.bytes());
    assertEquals(8, applied.entries());
    FileStatus su = status("bin/su");
    assertEquals(04755, su.permissions());
    assertEquals(1234, su.uid());
    assertEquals(1_600_000_000_000_000_000L, su.modifiedNanos());
    assertEquals(2, su.links());
    assertEquals(su.inode(), status("bin/su2").inode());
    assertEquals("/bin/su", Files.readSymbolicLink(root.resolve("bin/sh")).toString());
    assertEquals(DirectoryCalls.S_IFIFO, status("pipe").mode() & DirectoryCalls.S_IFMT);
    assertEquals(5, status("tty").deviceMajor());
    assertEquals(1, status("tty").deviceMinor());
    assertEquals(1_600_000_000_000_000_000L, status("bin").modifiedNanos());
    assertEquals("deep", Files.readString(root.resolve("ä/" + "n".repeat(150) + "/deep")));
    assertArrayEquals(
        new byte[] {'h', 'i'},
        DirectoryCalls.xattr(
                DirectoryCalls.CWD,
                DirectoryCalls.name(root.resolve("cap").toString()),
                DirectoryCalls.name("user.note"))
            .orElseThrow());
  }

  @Test
  void gzipAndZstdAreToldByTheirFirstBytes() throws Exception {
    byte[] tar = new TarBuilder().file("a", "x".repeat(100_000)).build();
    ByteArrayOutputStream gzip = new ByteArrayOutputStream();
    // Two members, as pigz and estargz make them.
    for (byte[] part :
        List.of(Arrays.copyOf(tar, 1000), Arrays.copyOfRange(tar, 1000, tar.length))) {
      try (GZIPOutputStream out = new GZIPOutputStream(gzip)) {
        out.write(part);
      }
    }
    assertEquals(sha256(tar), apply(gzip.toByteArray(), Whiteouts.DIRECT).diffId());
    Files.delete(root.resolve("a"));
    assertEquals(sha256(tar), apply(Zstd.compress(tar), Whiteouts.DIRECT).diffId());
    assertEquals(100_000, Files.size(root.resolve("a")));
  }

  @Test
  void removedNamesBecomeDevicesInAnOverlay() throws IOException {
    apply(
        new TarBuilder()
            .folder("etc", 0755)
            .file("etc/.wh.passwd", "")
            .folder("var", 0755)
            .file("var/.wh..wh..opq", "")
            .file("var/new", "new")
            .file(".wh..wh.plnk", "")
            .build(),
        Whiteouts.OVERLAY);
    assertTrue(status("etc/passwd").isWhiteout());
    assertTrue(opaque("var"));
    assertFalse(opaque("etc"));
    assertEquals("new", Files.readString(root.resolve("var/new")));
    assertFalse(Files.exists(root.resolve(".wh..wh.plnk")));
  }

  @Test
  void aFolderInThePlaceOfARemovedOneHidesIt() throws IOException {
    apply(
        new TarBuilder()
            .file(".wh.data", "")
            .folder("data", 0755)
            .file("data/fresh", "1")
            .folder("late", 0755)
            .file(".wh.late", "")
            .build(),
        Whiteouts.OVERLAY);
    assertTrue(opaque("data"));
    assertTrue(opaque("late"));
  }

  @Test
  void removedNamesGoWhenTheFolderIsTheFileSystem() throws IOException {
    Files.createDirectories(root.resolve("etc/conf/deep"));
    Files.writeString(root.resolve("etc/conf/deep/x"), "x");
    Files.createDirectories(root.resolve("var/old"));
    apply(
        new TarBuilder()
            .file("etc/.wh.conf", "")
            .file("var/new", "new")
            .file("var/.wh..wh..opq", "")
            .build(),
        Whiteouts.DIRECT);
    assertFalse(Files.exists(root.resolve("etc/conf")));
    assertFalse(Files.exists(root.resolve("var/old")));
    assertTrue(Files.exists(root.resolve("var/new")));
  }

  @Test
  void missingParentsTakeOverWhatLowerLayersHave() throws IOException {
    Path lower = Files.createDirectories(temp.resolve("lower"));
    Path home = Files.createDirectory(lower.resolve("home"));
    DirectoryCalls.chownat(DirectoryCalls.CWD, DirectoryCalls.name(home.toString()), 77, 78);
    DirectoryCalls.chmodat(DirectoryCalls.CWD, DirectoryCalls.name(home.toString()), 0711);
    apply(new TarBuilder().file("home/user/a", "a").build(), Whiteouts.OVERLAY, lower);
    assertEquals(77, status("home").uid());
    assertEquals(0711, status("home").permissions());
    assertEquals(0, status("home/user").uid());
  }

  @Test
  void laterEntriesReplaceEarlierOnesOfAnotherKind() throws IOException {
    apply(
        new TarBuilder()
            .folder("a", 0755)
            .file("a/x", "x")
            .file("a", "now a file")
            .file("b", "file")
            .folder("b", 0700)
            .file("b/y", "y")
            .symlink("c", "b")
            .folder("c", 0755)
            .file("f", "one")
            .file("f", "two")
            .hardlink("f2", "f")
            .hardlink("f2", "f")
            .build(),
        Whiteouts.DIRECT);
    assertEquals("now a file", Files.readString(root.resolve("a")));
    assertEquals("y", Files.readString(root.resolve("b/y")));
    assertTrue(Files.isDirectory(root.resolve("c"), LinkOption.NOFOLLOW_LINKS));
    assertEquals("two", Files.readString(root.resolve("f2")));
  }

  @Test
  void linksWithinTheImageAreFollowedAndStayInside() throws IOException {
    apply(
        new TarBuilder()
            .folder("usr", 0755)
            .folder("usr/lib", 0755)
            .symlink("lib", "/usr/lib")
            .file("lib/libc.so", "c")
            .symlink("up", "../../../usr")
            .file("up/inside", "1")
            .symlink("run", "/var/run/later")
            .file("run/made", "1")
            .build(),
        Whiteouts.DIRECT);
    assertEquals("c", Files.readString(root.resolve("usr/lib/libc.so")));
    assertTrue(Files.exists(root.resolve("usr/inside")));
    assertTrue(Files.exists(root.resolve("var/run/later/made")));
  }

  @Test
  void overlayfsOwnAttributesOfAnImageAreDropped() throws IOException {
    apply(
        new TarBuilder()
            .file(
                "x", new byte[0], 0644, 0, Map.of("SCHILY.xattr.trusted.overlay.redirect", "/etc"))
            .build(),
        Whiteouts.OVERLAY);
    assertTrue(
        DirectoryCalls.xattrs(DirectoryCalls.CWD, DirectoryCalls.name(root.resolve("x").toString()))
            .isEmpty());
  }

  @Test
  void sparseFilesKeepTheirHoles() throws Exception {
    Path source = temp.resolve("sparse");
    try (var file = new java.io.RandomAccessFile(source.toFile(), "rw")) {
      file.seek(1 << 20);
      file.write("middle".getBytes());
      file.setLength(4 << 20);
    }
    for (String format : List.of("gnu", "posix")) {
      Path tar = temp.resolve("sparse-" + format + ".tar");
      Process made =
          new ProcessBuilder(
                  "tar",
                  "--format=" + format,
                  "-S",
                  "-cf",
                  tar.toString(),
                  "-C",
                  temp.toString(),
                  "sparse")
              .inheritIO()
              .start();
      assertEquals(0, made.waitFor());
      byte[] bytes = Files.readAllBytes(tar);
      assertTrue(bytes.length < 100_000, "tar made a sparse archive");
      assertEquals(sha256(bytes), apply(bytes, Whiteouts.DIRECT).diffId());
      assertEquals(-1, Files.mismatch(source, root.resolve("sparse")));
      assertTrue(status("sparse").blocks512() < 1000);
      Files.delete(root.resolve("sparse"));
    }
  }

  @Test
  void aDiskThatMustKeepMoreFreeRefusesTheLayer() throws IOException {
    byte[] tar = new TarBuilder().file("a", "a").build();
    Refusal refusal =
        assertThrows(
            Refusal.class,
            () ->
                LayerApplier.apply(
                    new ByteArrayInputStream(tar),
                    root,
                    Whiteouts.DIRECT,
                    List.of(),
                    new Bounds(1 << 20, 10, Long.MAX_VALUE)));
    assertEquals(Refusal.Code.RESOURCE_EXHAUSTED, refusal.code());
  }
}
