package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** dist/bin as a user meets it: through links, from anywhere, with hardly an environment. */
@Tag("real")
class LauncherTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {"retainerd", "retainctl", "rewind", "retain-bench", "containerd-shim-retain-v1"})
  void programSaysItsVersionAndHelpThroughALinkWithoutAnEnvironment(String program)
      throws IOException {
    Path link = folder.resolve("a name with spaces");
    Files.createSymbolicLink(link, Node.DIST.resolve("bin").resolve(program));
    Path linkToLink = Files.createSymbolicLink(folder.resolve("again"), link.getFileName());
    for (String flag : List.of("--version", "--help")) {
      Host.Output output =
          Host.run(20, List.of("env", "-i", "-C", "/", linkToLink.toString(), flag));
      assertEquals(0, output.code(), output.text());
      assertFalse(output.text().isBlank(), flag);
      assertFalse(output.text().contains("WARNING"), output.text());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"retainerd", "retainctl", "rewind", "retain-bench"})
  void wrongFlagIsRefusedInOneSentence(String program) {
    Host.Output output =
        Host.run(20, List.of(Node.DIST.resolve("bin").resolve(program).toString(), "--nonsense"));
    assertTrue(output.code() != 0, output.text());
    assertFalse(output.text().contains("\tat "), output.text());
  }

  /**
   * A class that the cache does not hold but a held one names is looked for in all jars, before
   * {@code main} is called.
   */
  @ParameterizedTest
  @CsvSource({
    "retainerd, io.netty.handler.ssl.SslContext",
    "retainctl, picocli.CommandLine",
    "rewind, picocli.CommandLine",
    "retain-bench, picocli.CommandLine"
  })
  void librariesComeFromTheAotCache(String program, String held) {
    Host.Output output =
        Host.run(
            20,
            List.of(
                "env",
                "RETAINERD_JAVA_OPTS=-Xlog:class+load=info:stdout",
                Node.DIST.resolve("bin").resolve(program).toString(),
                "--version"));
    assertEquals(0, output.code(), output.text());
    List<String> lines = output.text().lines().toList();
    assertTrue(
        lines.stream().anyMatch(line -> line.contains(held + " source: shared objects")),
        output.text());
    assertEquals(
        List.of(),
        lines.stream()
            .filter(line -> line.contains("source: file:"))
            .filter(line -> line.contains("io.netty") || line.contains("org.objectweb"))
            .toList());
  }

  /** It reports home; a jar of that name beside the others would be loaded by their manifests. */
  @Test
  void chronicleAnalyticsIsNotInDist() throws IOException {
    try (Stream<Path> all = Files.walk(Node.DIST.resolve("lib"))) {
      assertEquals(List.of(), all.filter(path -> path.toString().contains("analytics")).toList());
    }
  }

  @Test
  void defaultConfigIsReadBackWithoutAWarning() throws IOException {
    Path config = Node.DIST.resolve("share/config.toml");
    assertTrue(Files.size(config) > 0, config.toString());
    Host.Output output =
        Host.run(
            20,
            List.of(
                Node.DIST.resolve("bin/retainerd").toString(),
                "--config",
                config.toString(),
                "config",
                "dump"));
    assertEquals(0, output.code(), output.text());
    assertFalse(output.text().contains("warning"), output.text());
  }
}
