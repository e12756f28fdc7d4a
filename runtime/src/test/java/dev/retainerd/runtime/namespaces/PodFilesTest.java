package dev.retainerd.runtime.namespaces;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.retainerd.runtime.error.Refusal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PodFilesTest {
  @TempDir Path folder;

  @Test
  void dnsSettingsBecomeLinesInTheOrderGiven() throws Exception {
    DnsSettings dns =
        new DnsSettings(
            List.of("10.96.0.10", "fd00::a"), List.of("a.svc", "svc"), List.of("ndots:5"));
    PodFiles files = PodFiles.write(folder.resolve("s1"), "web-0", dns);
    assertEquals(
        """
        search a.svc svc
        nameserver 10.96.0.10
        nameserver fd00::a
        options ndots:5
        """,
        Files.readString(files.resolvConf()));
    assertEquals("web-0\n", Files.readString(files.hostname()));
  }

  @Test
  void withoutSettingsThePodSeesTheNodesFiles() throws Exception {
    PodFiles files = PodFiles.write(folder, "h", DnsSettings.none());
    assertEquals(
        Files.readString(Path.of("/etc/resolv.conf")), Files.readString(files.resolvConf()));
    assertEquals(Files.readString(Path.of("/etc/hosts")), Files.readString(files.hosts()));
    files.delete();
    files.delete();
    assertFalse(Files.exists(files.hosts()));
  }

  @Test
  void aServerCannotSmuggleInASecondLine() {
    assertThrows(
        Refusal.class,
        () -> new DnsSettings(List.of("1.1.1.1\nnameserver 6.6.6.6"), List.of(), List.of()));
  }
}
