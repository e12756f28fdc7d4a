package dev.retainerd.runtime.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What operators of containerd ran into when its config changed its version: sections that are
 * silently without effect because they are of another version, files that win over others unseen.
 */
class ConfigVersionConfusionTest {
  @TempDir Path folder;

  private Path file(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }

  private String refusal(String text) throws IOException {
    Path file = file("config.toml", text);
    return assertThrows(ConfigException.class, () -> ConfigReader.read(file)).getMessage();
  }

  @Test
  void sectionsOfVersionTwoInAFileOfVersionThree() throws IOException {
    String refusal =
        refusal(
            """
            version = 3
            [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
              SystemdCgroup = true
            [plugins."io.containerd.grpc.v1.cri".registry]
              config_path = "/etc/containerd/certs.d"
            [plugins."io.containerd.grpc.v1.cri".cni]
              bin_dir = "/opt/cni/bin"
            """);
    List<String> lines = refusal.lines().toList();
    assertEquals(3, lines.size(), refusal);
    for (String line : lines) {
      assertTrue(line.matches(".*config\\.toml:\\d+: .*"), line);
      assertTrue(line.contains("belongs to config version 2, this file has version 3"), line);
      assertTrue(line.contains("io.containerd.cri.v1.") || line.contains("version = 2"), line);
    }
  }

  @Test
  void shortNamesOfVersionOneInAFileOfVersionTwo() throws IOException {
    String refusal = refusal("version = 2\n[plugins.cri]\nsandbox_image = \"pause\"\n");
    assertTrue(refusal.contains(":2: unknown key plugins.cri"), refusal);
    assertTrue(refusal.contains("plugins.\"io.containerd.grpc.v1.cri\""), refusal);
  }

  @Test
  void aVersionOfTheFuture() throws IOException {
    String refusal =
        refusal("version = 4\n[plugins.\"io.containerd.server.v1.grpc\"]\naddress = \"/a\"\n");
    assertEquals(
        folder.resolve("config.toml")
            + ":1: config version 4 is not supported; write the file for version 3, 2 or 1",
        refusal);
  }

  @Test
  void aKeyThatIsMisspelt() throws IOException {
    String refusal = refusal("version = 2\n[grpc]\naddres = \"/run/x.sock\"\n");
    assertEquals(
        folder.resolve("config.toml") + ":3: unknown key grpc.addres; did you mean grpc.address?",
        refusal);
  }

  @Test
  void twoDropInsThatDisagree() throws IOException {
    Path first =
        file(
            "conf.d/10-vendor.toml",
            """
            version = 2
            [plugins."io.containerd.grpc.v1.cri".containerd]
            default_runtime_name = "runc"
            """);
    Path second =
        file(
            "conf.d/20-gpu.toml",
            """
            version = 3
            [plugins."io.containerd.cri.v1.runtime".containerd]
            default_runtime_name = "nvidia"
            [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.nvidia]
            runtime_type = "io.containerd.runc.v2"
            """);
    LoadedConfig loaded =
        ConfigReader.read(file("config.toml", "version = 2\nimports = [\"conf.d/*.toml\"]\n"));
    assertEquals("nvidia", loaded.config().defaultRuntimeName());
    assertEquals(1, loaded.warnings().size(), () -> loaded.warnings().toString());
    String warning = loaded.warnings().getFirst().toString();
    assertTrue(warning.startsWith(second + ":3: "), warning);
    assertTrue(warning.contains("\"runc\" in " + first + ":3"), warning);
    String from =
        loaded.explain().stream()
            .filter(line -> line.key().endsWith("default_runtime_name"))
            .map(LoadedConfig.Explained::from)
            .findFirst()
            .orElseThrow();
    assertEquals(second + ":3, overrides \"runc\" of " + first + ":3", from);
  }
}
