package dev.retainerd.runtime.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The daemon's words are taken alike, whether they are plain enough to be read at once or not. */
class DaemonCommandLineTest {
  @TempDir private Path folder;

  private record Answer(int code, String out, String err) {}

  private Answer retainerd(String... arguments) throws Exception {
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                RetainerdMain.class.getName()));
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    boolean ended = process.waitFor(60, TimeUnit.SECONDS);
    if (!ended) {
      process.destroyForcibly();
    }
    assertTrue(ended, "it runs on: " + List.of(arguments));
    return new Answer(
        process.exitValue(),
        Files.readString(out, StandardCharsets.UTF_8),
        Files.readString(err, StandardCharsets.UTF_8));
  }

  @Test
  void aConfigurationIsNamedInAnyWay() throws Exception {
    Path broken = Files.writeString(folder.resolve("broken.toml"), "root = 7\n");
    for (List<String> words :
        List.of(
            List.of("--config", broken.toString()),
            List.of("-c", broken.toString(), "--log-level", "debug", "--shim", "/no/shim"),
            List.of("--config=" + broken))) {
      Answer answer = retainerd(words.toArray(String[]::new));
      assertEquals(1, answer.code(), answer.err());
      assertTrue(
          answer.err().startsWith("retainerd: ") && answer.err().contains("root"), answer.err());
      assertEquals("", answer.out());
    }
  }

  @Test
  void wrongWordsAreTold() throws Exception {
    for (List<String> words :
        List.of(
            List.of("--config"),
            List.of("--config", "a", "--config", "b"),
            List.of("--shim", "a", "--shim", "b"),
            List.of("-l", "info", "--log-level", "debug"),
            List.of("--config", "a", "--log-level"),
            List.of("--conf", "a"),
            List.of("run", "it"))) {
      Answer answer = retainerd(words.toArray(String[]::new));
      assertEquals(2, answer.code(), words + ": " + answer.err());
      assertTrue(answer.err().contains("--") || answer.err().contains("run"), answer.err());
      assertTrue(!answer.err().contains("\tat "), answer.err());
    }
  }

  @Test
  void otherWordsAreReadAsWell() throws Exception {
    assertEquals("retainerd " + Version.NAME + "\n", retainerd("--version").out());
    assertTrue(retainerd("--help").out().contains("--log-level"));
    assertEquals(0, retainerd("config", "default").code());
  }
}
