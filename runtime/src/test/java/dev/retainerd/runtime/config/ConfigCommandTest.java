package dev.retainerd.runtime.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

class ConfigCommandTest {
  @TempDir Path folder;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  /** The daemon's command line as far as the config command sees it. */
  @Command(name = "retainerd", subcommands = ConfigCommand.class)
  static final class Daemon {
    @Option(names = {"-c", "--config"})
    Path config;
  }

  private int run(String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return new CommandLine(new Daemon())
        .setOut(new PrintWriter(out))
        .setErr(new PrintWriter(err))
        .execute(args);
  }

  private Path file(String text) throws IOException {
    return Files.writeString(folder.resolve("config.toml"), text);
  }

  @Test
  void theDefaultIsACommentedFileOfVersionThree() throws IOException {
    assertEquals(0, run("config", "default"));
    assertTrue(out.toString().contains("\nversion = 3\n"));
    assertTrue(out.toString().contains("\n[retain]\n# When an answer may be sent"));
    Path printed = file(out.toString());
    assertEquals(0, run("config", "dump", "--config", printed.toString()));
    assertEquals("", err.toString());
  }

  @Test
  void theDumpHoldsWhatTheFileSays() throws IOException {
    Path file = file("root = \"/x/root\"\n[plugins.linux]\nruntime = \"crun\"\n");
    assertEquals(0, run("config", "dump", "-c", file.toString()));
    assertTrue(out.toString().startsWith("version = 3\nroot = \"/x/root\"\n"), out::toString);
    assertTrue(out.toString().contains("\nBinaryName = \"crun\"\n"), out::toString);
  }

  @Test
  void theFileMayBeNamedBeforeTheCommand() throws IOException {
    Path file = file("root = \"/x/root\"\n");
    assertEquals(0, run("--config", file.toString(), "config", "explain"));
    String row =
        out.toString().lines().filter(line -> line.startsWith("root ")).findFirst().orElseThrow();
    assertTrue(row.matches("root +\"/x/root\" +" + file + ":1"), row);
    String state =
        out.toString().lines().filter(line -> line.startsWith("state ")).findFirst().orElseThrow();
    assertTrue(state.matches("state +\"/run/retainerd\" +default"), state);
  }

  @Test
  void warningsGoToStderrAndDoNotFail() throws IOException {
    Path file = file("version = 2\noom_score = 1\n");
    assertEquals(0, run("config", "explain", "-c", file.toString()));
    assertEquals(
        "warning: "
            + file
            + ":2: oom_score has no meaning here: set OOMScoreAdjust= in the"
            + " systemd unit instead\n",
        err.toString());
  }

  @Test
  void aRefusedFileFailsWithItsPlace() throws IOException {
    Path file = file("version = 2\nrooot = \"/x\"\n");
    for (String verb : new String[] {"dump", "explain"}) {
      assertEquals(1, run("config", verb, "-c", file.toString()));
      assertEquals(file + ":2: unknown key rooot; did you mean root?\n", err.toString());
      assertEquals("", out.toString());
    }
  }

  @Test
  void withoutAVerbItSaysHow() {
    assertEquals(2, run("config"));
    assertTrue(err.toString().contains("default") && err.toString().contains("explain"));
  }
}
