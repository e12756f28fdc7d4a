package dev.retainerd.runtime.archive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.error.Refusal;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The tricks an archive can play, each generated: refused or harmless, and nothing outside. */
@Tag("real")
class HostileArchiveTest {
  private static final Bounds SMALL = new Bounds(8 << 20, 1000, 0);

  @TempDir Path temp;
  private Path root;
  private Path outside;

  @BeforeEach
  void makeFolders() throws IOException {
    root = Files.createDirectories(temp.resolve("a/b/root"));
    outside = Files.createDirectory(temp.resolve("outside"));
    Files.writeString(outside.resolve("victim"), "untouched");
  }

  static Stream<Arguments> refused() {
    byte[] honest = new TarBuilder().file("some/file", "content").build();
    return Stream.of(
        Arguments.of("climbing name", new TarBuilder().file("../x", "x").build(), "../x"),
        Arguments.of(
            "climbing in the middle", new TarBuilder().file("a/../../x", "x").build(), "a/../../x"),
        Arguments.of(
            "hard link to what climbs",
            new TarBuilder().hardlink("x", "../../../outside/victim").build(),
            "x"),
        Arguments.of(
            "hard link to an absolute name that is not there",
            new TarBuilder().hardlink("x", "/etc/shadow").build(),
            "x"),
        Arguments.of(
            "hard link to a folder",
            new TarBuilder().folder("d", 0755).hardlink("x", "d").build(),
            "x"),
        Arguments.of(
            "hard link through a link that leads out",
            new TarBuilder().symlink("out", "../../../outside").hardlink("x", "out/victim").build(),
            "x"),
        Arguments.of(
            "a file as a folder", new TarBuilder().file("f", "1").file("f/x", "2").build(), "f/x"),
        Arguments.of(
            "links in a circle",
            new TarBuilder().symlink("p", "q").symlink("q", "p").file("p/x", "1").build(),
            "p/x"),
        Arguments.of(
            "removal of ..",
            new TarBuilder().folder("d", 0755).file("d/.wh...", "").build(),
            "d/.wh..."),
        Arguments.of("removal of nothing", new TarBuilder().file("d/.wh.", "").build(), "d/.wh."),
        Arguments.of(
            "a name of 300 characters", new TarBuilder().file("n".repeat(300), "x").build(), "nnn"),
        Arguments.of("truncated in the data", Arrays.copyOf(honest, 700), "truncated"),
        Arguments.of("truncated in the header", Arrays.copyOf(honest, 300), "truncated"),
        Arguments.of("HTML", "<html>".repeat(200).getBytes(StandardCharsets.UTF_8), "tar"),
        Arguments.of("a wrong checksum", flipped(honest, 20), "checksum"),
        Arguments.of("gzip that ends early", Arrays.copyOf(gzip(honest), 60), "truncated"),
        Arguments.of("gzip with a wrong CRC", flipped(gzip(honest), -6), "broken"),
        Arguments.of(
            "a PAX header of 2 MiB",
            new TarBuilder()
                .file("x", new byte[0], 0644, 0, Map.of("comment", "c".repeat(2 << 20)))
                .build(),
            "PAX header"));
  }

  private static byte[] flipped(byte[] bytes, int at) {
    byte[] copy = bytes.clone();
    copy[at < 0 ? copy.length + at : at] ^= 1;
    return copy;
  }

  private static byte[] gzip(byte[] plain) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(plain);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return out.toByteArray();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("refused")
  void isRefusedWithASentenceThatNamesIt(String trick, byte[] tar, String named)
      throws IOException {
    for (Whiteouts whiteouts : Whiteouts.values()) {
      Refusal refusal = assertThrows(Refusal.class, () -> apply(tar, whiteouts));
      assertEquals(Refusal.Code.INVALID_ARGUMENT, refusal.code(), refusal.sentence());
      assertTrue(refusal.sentence().contains(named), refusal.sentence());
      nothingOutside();
    }
  }

  private void apply(byte[] tar, Whiteouts whiteouts) throws IOException {
    LayerApplier.apply(new ByteArrayInputStream(tar), root, whiteouts, List.of(), SMALL);
  }

  private void nothingOutside() throws IOException {
    assertEquals("untouched", Files.readString(outside.resolve("victim")));
    try (var files = Files.list(outside)) {
      assertEquals(1, files.count());
    }
    try (var files = Files.list(temp.resolve("a/b"))) {
      assertEquals(List.of(root), files.toList());
    }
  }

  @Test
  void anAbsoluteNameStaysInside() throws IOException {
    apply(new TarBuilder().file("/etc/made", "x").build(), Whiteouts.DIRECT);
    assertTrue(Files.exists(root.resolve("etc/made")));
    nothingOutside();
  }

  @Test
  void aLinkThatLeadsOutIsFollowedInsideOnly() throws IOException {
    apply(
        new TarBuilder()
            .symlink("out", "../../../outside")
            .file("out/new", "x")
            .symlink("abs", outside.toString())
            .file("abs/victim", "overwritten")
            .build(),
        Whiteouts.DIRECT);
    nothingOutside();
  }

  @Test
  void aFolderThatBecomesALinkUnderWayLeadsNowhereElse() throws IOException {
    for (Whiteouts whiteouts : Whiteouts.values()) {
      apply(
          new TarBuilder()
              .folder("d", 0755)
              .file("d/before", "1")
              .symlink("d", outside.toString())
              .file("d/victim", "overwritten")
              .file("d/.wh.victim", "")
              .file("d/.wh..wh..opq", "")
              .build(),
          whiteouts);
      nothingOutside();
    }
  }

  @Test
  void aFileOverALinkReplacesTheLinkAndNotItsTarget() throws IOException {
    apply(
        new TarBuilder()
            .symlink("x", outside.resolve("victim").toString())
            .file("x", "overwritten")
            .build(),
        Whiteouts.DIRECT);
    nothingOutside();
    assertFalse(Files.isSymbolicLink(root.resolve("x")));
  }

  @Test
  void aBombIsStoppedAtItsBound() {
    byte[] bomb =
        gzip(new TarBuilder().file("zeros", new byte[16 << 20], 0644, 0, Map.of()).build());
    assertTrue(bomb.length < 100_000);
    Refusal refusal = assertThrows(Refusal.class, () -> apply(bomb, Whiteouts.DIRECT));
    assertEquals(Refusal.Code.RESOURCE_EXHAUSTED, refusal.code());
    TarBuilder many = new TarBuilder();
    for (int i = 0; i < 1001; i++) {
      many.file("f" + i, "");
    }
    assertEquals(
        Refusal.Code.RESOURCE_EXHAUSTED,
        assertThrows(Refusal.class, () -> apply(many.build(), Whiteouts.DIRECT)).code());
  }
}
