package dev.retainerd.runtime.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RegistryHostsTest {
  @TempDir Path folder;

  private List<RegistryHost> hosts(String registry, String... file) throws IOException {
    if (file.length > 0) {
      Path own =
          Files.createDirectories(
              folder.resolve(registry.replace(":", "_") + (registry.contains(":") ? "_" : "")));
      Files.writeString(own.resolve("hosts.toml"), String.join("\n", file));
    }
    return RegistryHosts.of(List.of(folder.resolve("none"), folder)).forRegistry(registry);
  }

  private static List<String> roots(List<RegistryHost> hosts) {
    return hosts.stream().map(host -> host.root().toString()).toList();
  }

  @Test
  void withoutAFileTheRegistryItselfIsAsked() throws IOException {
    assertEquals(List.of("https://registry-1.docker.io/v2"), roots(hosts("docker.io")));
    assertEquals(List.of("https://quay.io/v2"), roots(hosts("quay.io")));
    assertEquals(List.of("http://127.0.0.1:5000/v2"), roots(hosts("127.0.0.1:5000")));
    assertEquals(List.of("http://localhost:5000/v2"), roots(hosts("localhost:5000")));
    assertEquals(List.of("https://localhost/v2"), roots(hosts("localhost")));
  }

  @Test
  void mirrorsComeFirstInTheOrderOfTheFile() throws IOException {
    List<RegistryHost> hosts =
        hosts(
            "quay.io",
            "server = \"https://quay.example\"",
            "[host.\"https://z-mirror:5000\"]",
            "  capabilities = [\"pull\"]",
            "  skip_verify = true",
            "  [host.\"https://z-mirror:5000\".header]",
            "    x-who = \"us\"",
            "[host.\"http://a-mirror/quay\"]",
            "  ca = [\"one.pem\", \"/abs/two.pem\"]",
            "  client = [[\"c.cert\", \"c.key\"]]",
            "[host.\"http://raw/api\"]",
            "  override_path = true");
    assertEquals(
        List.of(
            "https://z-mirror:5000/v2",
            "http://a-mirror/quay/v2",
            "http://raw/api",
            "https://quay.example/v2"),
        roots(hosts));
    assertEquals(Set.of(RegistryHost.Capability.PULL), hosts.get(0).capabilities());
    assertEquals(Optional.of(true), hosts.get(0).skipVerify());
    assertEquals(List.of("us"), hosts.get(0).headers().get("x-who"));
    assertEquals(
        List.of(folder.resolve("quay.io/one.pem"), Path.of("/abs/two.pem")), hosts.get(1).cas());
    assertEquals(folder.resolve("quay.io/c.key"), hosts.get(1).clientCertificates().get(0).key());
  }

  @Test
  void settingsWithoutAServerAreTheRegistrysOwn() throws IOException {
    List<RegistryHost> hosts = hosts("example.com:5000", "ca = \"ca.pem\"");
    assertEquals(List.of("https://example.com:5000/v2"), roots(hosts));
    assertEquals(1, hosts.get(0).cas().size());
  }

  @Test
  void certificatesAloneCountAsDockerLaysThemOut() throws IOException {
    Path own = Files.createDirectories(folder.resolve("_default"));
    Files.writeString(own.resolve("ca.crt"), "x");
    Files.writeString(own.resolve("me.cert"), "x");
    Files.writeString(own.resolve("me.key"), "x");
    RegistryHost host = hosts("any.example").get(0);
    assertEquals(List.of(own.resolve("ca.crt")), host.cas());
    assertEquals(own.resolve("me.key"), host.clientCertificates().get(0).key());
  }

  @Test
  void aBrokenFileIsRefusedByName() {
    for (String text :
        List.of("server = ", "[host.\"x\"]\ncapabilities=[\"fly\"]", "server = \"http://\"")) {
      Refusal refusal = assertThrows(Refusal.class, () -> hosts("quay.io", text), text);
      assertTrue(refusal.sentence().contains("hosts.toml"), refusal.sentence());
    }
  }
}
