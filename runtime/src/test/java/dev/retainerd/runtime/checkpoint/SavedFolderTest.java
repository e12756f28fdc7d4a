package dev.retainerd.runtime.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A container's checkpoint in a folder, whoever has written it. */
class SavedFolderTest {
  @TempDir private Path temp;
  private Path folder;

  @BeforeEach
  void fill() throws IOException {
    folder = Files.createDirectory(temp.resolve("saved"));
    Files.createDirectories(folder.resolve("checkpoint/deeper"));
    Files.writeString(folder.resolve("checkpoint/pages-1.img"), "memory");
    Files.writeString(folder.resolve("checkpoint/deeper/fs.img"), "files");
    Files.writeString(folder.resolve("rootfs-diff.tar"), "layer");
    Files.writeString(
        folder.resolve("config.dump"),
        "{\"rootfsImage\":\"name:1\",\"rootfsImageRef\":\"sha256:1\",\"rootfsImageName\":\"name:1\"}");
  }

  private SavedFolder saved() {
    return new SavedFolder(folder, "the folder", Optional.empty());
  }

  private void refused(String word) {
    Refusal e = assertThrows(Refusal.class, () -> saved().checked());
    assertTrue(e.is(Refusal.Code.INVALID_ARGUMENT), e.sentence());
    assertTrue(e.sentence().contains(word), e.sentence());
  }

  @Test
  void isTakenOverAsCopiesThatOnlyRootReads() throws IOException {
    Path to = temp.resolve("to");
    saved().checked().into(to);
    assertEquals("memory", Files.readString(to.resolve("checkpoint/pages-1.img")));
    assertEquals("files", Files.readString(to.resolve("checkpoint/deeper/fs.img")));
    assertEquals("layer", Files.readString(to.resolve("rootfs-diff.tar")));
    assertEquals(
        PosixFilePermissions.fromString("rw-------"),
        Files.getPosixFilePermissions(to.resolve("checkpoint/pages-1.img")));
    assertEquals(PosixFilePermissions.fromString("rwx------"), Files.getPosixFilePermissions(to));
    assertTrue(Files.exists(folder.resolve("checkpoint/pages-1.img")), "it stays its owner's");
  }

  @Test
  void namesItsImageTheBestFirst() {
    assertEquals(List.of("sha256:1", "name:1"), saved().images());
  }

  @Test
  void withoutALayerNothingWasWritten() throws IOException {
    Files.delete(folder.resolve("rootfs-diff.tar"));
    Path to = temp.resolve("to");
    saved().checked().into(to);
    assertFalse(Files.exists(to.resolve("rootfs-diff.tar")));
  }

  @Test
  void whatIsMissingIsNamed() throws IOException {
    Files.move(folder.resolve("config.dump"), temp.resolve("config.dump"));
    refused("config.dump");
    Files.move(temp.resolve("config.dump"), folder.resolve("config.dump"));
    Files.move(folder.resolve("checkpoint"), temp.resolve("checkpoint"));
    refused("checkpoint/");
    Files.createSymbolicLink(folder.resolve("checkpoint"), temp.resolve("checkpoint"));
    refused("checkpoint/");
  }

  @Test
  void noLinkIsFollowed() throws IOException {
    Path secret = Files.writeString(temp.resolve("secret"), "secret");
    Path link = Files.createSymbolicLink(folder.resolve("checkpoint/deeper/link"), secret);
    refused("no regular file");
    // One that is put there after the look is not followed either.
    Files.delete(link);
    SavedFolder looked = assertLooked();
    Files.delete(folder.resolve("checkpoint/pages-1.img"));
    Files.createSymbolicLink(folder.resolve("checkpoint/pages-1.img"), secret);
    assertThrows(IOException.class, () -> looked.into(temp.resolve("to")));
    Files.delete(folder.resolve("rootfs-diff.tar"));
    Files.createSymbolicLink(folder.resolve("rootfs-diff.tar"), secret);
    refused("rootfs-diff.tar");
  }

  private SavedFolder assertLooked() throws IOException {
    return saved().checked();
  }

  @Test
  void aBrokenDescriptionIsRefused() throws IOException {
    for (String bad : List.of("", "[]", "{", "7", "{\"rootfsImage\":".repeat(1000))) {
      Files.writeString(folder.resolve("config.dump"), bad);
      Refusal e = assertThrows(Refusal.class, () -> saved().images(), bad);
      assertTrue(e.is(Refusal.Code.INVALID_ARGUMENT), e.sentence());
    }
    Files.writeString(folder.resolve("config.dump"), "{\"rootfsImage\":7,\"other\":[]}");
    assertEquals(List.of("7"), saved().images());
    Files.writeString(folder.resolve("config.dump"), "{}" + " ".repeat(2 << 20));
    assertThrows(Refusal.class, () -> saved().images());
  }
}
