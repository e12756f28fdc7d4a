package dev.retainerd.runtime.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tomlj.Toml;
import org.tomlj.TomlParseResult;

/** Files as they stand on real nodes are read, and no key of them is passed over in silence. */
class NodeConfigCorpusTest {
  @TempDir Path folder;

  private static LoadedConfig read(String name) throws URISyntaxException {
    return ConfigReader.read(Path.of(NodeConfigCorpusTest.class.getResource(name).toURI()));
  }

  /** Every key of a file is a setting with that file as its origin, or has exactly one warning. */
  private static void assertNothingIsPassedOver(LoadedConfig loaded) throws IOException {
    Path file = loaded.files().getFirst();
    TomlParseResult toml = Toml.parse(Files.readString(file));
    Set<Integer> warned = new HashSet<>();
    loaded
        .warnings()
        .forEach(warning -> assertTrue(warned.add(warning.line()), warning + " comes twice"));
    Set<String> explained = new HashSet<>();
    for (LoadedConfig.Explained line : loaded.explain()) {
      String from = line.from().replace("default, left empty by ", "");
      if (from.startsWith(file + ":")) {
        explained.add(from.substring((file + ":").length()).split(" ")[0]);
      }
    }
    for (List<String> key : toml.keyPathSet()) {
      int line = toml.inputPositionOf(key).line();
      boolean known = warned.contains(line) || explained.contains(Integer.toString(line));
      // An unset default_runtime, and "" for an older name, say nothing.
      boolean unset =
          key.contains("default_runtime")
              || key.contains("untrusted_workload_runtime")
              || "".equals(toml.get(key));
      assertTrue(known || unset, () -> file + ":" + line + " " + key + " is passed over");
    }
  }

  @Test
  void whatDebiansContainerdPrintsAsItsDefault() throws Exception {
    Path containerd = Path.of("/usr/bin/containerd");
    Assumptions.assumeTrue(Files.isExecutable(containerd), "containerd is not installed");
    Path file = folder.resolve("config.toml");
    Process process =
        new ProcessBuilder(containerd.toString(), "config", "default")
            .redirectOutput(file.toFile())
            .start();
    assertTrue(process.waitFor(30, TimeUnit.SECONDS));
    LoadedConfig loaded = ConfigReader.read(file);
    assertNothingIsPassedOver(loaded);
    assertEquals(Path.of("/var/lib/containerd"), loaded.config().root());
    assertEquals("runc", loaded.config().defaultRuntimeName());
    assertEquals(Set.of("runc"), loaded.config().runtimes().keySet());
    assertEquals(Path.of("/run/containerd/containerd.sock"), loaded.config().socket().address());
    Path again = Files.writeString(folder.resolve("again.toml"), loaded.toToml());
    assertEquals(loaded.config(), ConfigReader.read(again).config());
  }

  @Test
  void aClusterNodeOfVersionThree() throws Exception {
    LoadedConfig loaded = read("node-v3.toml");
    assertNothingIsPassedOver(loaded);
    DaemonConfig config = loaded.config();
    assertEquals(List.of(Path.of("/opt/cni/bin")), config.cni().binDirs());
    assertEquals(Optional.of("registry.k8s.io/pause:3.10.1"), config.images().sandboxImage());
    assertTrue(config.defaultRuntime().systemdCgroup());
    assertFalse(config.cri().enableUnprivilegedPorts());
  }

  @Test
  void aNodeOfTheFirstVersion() throws Exception {
    LoadedConfig loaded = read("node-v1.toml");
    assertNothingIsPassedOver(loaded);
    DaemonConfig config = loaded.config();
    assertEquals("default", config.defaultRuntimeName());
    assertEquals("/usr/bin/runc", config.defaultRuntime().engine());
    assertEquals(Path.of("/run/gke"), config.state());
    assertTrue(config.runtimes().containsKey("untrusted"));
    assertFalse(config.runtimes().get("untrusted").servedByOurShim());
  }

  @Test
  void textThatIsNoUtf8IsRefused() throws IOException {
    Path file = folder.resolve("latin1.toml");
    Files.write(file, "root = \"/\u00fc\"".getBytes(StandardCharsets.ISO_8859_1));
    ConfigException refused = assertThrows(ConfigException.class, () -> ConfigReader.read(file));
    assertEquals(file, refused.problems().getFirst().file());
  }
}
