package dev.retainerd.runtime.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.program.Program;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The daemon's words are taken alike, whether they are plain enough to be read at once or not. */
class DaemonCommandLineTest {
  @TempDir private Path folder;

  private static Program.Output retainerd(String... arguments) throws Exception {
    return new Program(Program.java(RetainerdMain.class, arguments)).run(60);
  }

  @Test
  void aConfigurationIsNamedInAnyWay() throws Exception {
    Path broken = Files.writeString(folder.resolve("broken.toml"), "root = 7\n");
    for (List<String> words :
        List.of(
            List.of("--config", broken.toString()),
            List.of("-c", broken.toString(), "--log-level", "debug", "--shim", "/no/shim"),
            List.of("--config=" + broken))) {
      Program.Output answer = retainerd(words.toArray(String[]::new));
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
      Program.Output answer = retainerd(words.toArray(String[]::new));
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
