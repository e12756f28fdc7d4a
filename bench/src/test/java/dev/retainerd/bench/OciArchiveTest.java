package dev.retainerd.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.bench.image.OciArchive;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OciArchiveTest {
  @TempDir private Path folder;

  private Path busybox() throws Exception {
    return Files.writeString(folder.resolve("busybox"), "not really one");
  }

  @Test
  void theSameBusyboxGivesTheSameBytes() throws Exception {
    Path first = folder.resolve("1.tar");
    Path second = folder.resolve("2.tar");
    String digest = OciArchive.write(busybox(), "docker.io/library/b:1", first);
    assertEquals(digest, OciArchive.write(busybox(), "docker.io/library/b:1", second));
    assertArrayEquals(Files.readAllBytes(first), Files.readAllBytes(second));
    assertTrue(digest.matches("sha256:[0-9a-f]{64}"), digest);
  }

  @Test
  void hostTarReadsTheArchive() throws Exception {
    Path archive = folder.resolve("image.tar");
    OciArchive.write(busybox(), "docker.io/library/b:1", archive);
    Process tar =
        new ProcessBuilder("tar", "-tf", archive.toString()).redirectErrorStream(true).start();
    String listed = new String(tar.getInputStream().readAllBytes());
    assertEquals(0, tar.waitFor(), listed);
    assertTrue(listed.startsWith("oci-layout\nblobs/\nblobs/sha256/\n"), listed);
    assertTrue(listed.endsWith("index.json\n"), listed);
  }
}
