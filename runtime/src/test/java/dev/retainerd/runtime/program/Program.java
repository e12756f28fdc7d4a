package dev.retainerd.runtime.program;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A program that a test runs to its end.
 *
 * @param stdin what it reads
 * @param variables of its own, beside the test's
 */
public record Program(List<String> command, String stdin, Map<String, String> variables) {

  /** What it left behind: its exit code and what it printed. */
  public record Output(int code, String out, String err) {}

  /** One without input. */
  public Program(List<String> command) {
    this(command, "", Map.of());
  }

  /** The command of a main class of our class path that is soon over, with a daemon's flags. */
  public static List<String> java(Class<?> main, String... arguments) {
    return java(
        List.of(
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow"),
        main,
        arguments);
  }

  /** The same with flags of its own. */
  public static List<String> java(List<String> flags, Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(flags);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  /** The same with this input. */
  public Program fed(String text) {
    return new Program(command, text, variables);
  }

  /** The same with these variables. */
  public Program with(Map<String, String> others) {
    return new Program(command, stdin, others);
  }

  /** Runs it; the test fails where it takes longer than so many seconds. */
  public Output run(int seconds) throws IOException, InterruptedException {
    return run(seconds, false);
  }

  /** The same, what it says on stderr among what it says on stdout. */
  public Output merged(int seconds) throws IOException, InterruptedException {
    return run(seconds, true);
  }

  private Output run(int seconds, boolean merged) throws IOException, InterruptedException {
    Path in = Files.writeString(Files.createTempFile("retainerd-", ".in"), stdin);
    Path out = Files.createTempFile("retainerd-", ".out");
    Path err = Files.createTempFile("retainerd-", ".err");
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectErrorStream(merged)
              .redirectInput(in.toFile())
              .redirectOutput(out.toFile());
      if (!merged) {
        builder.redirectError(err.toFile());
      }
      builder.environment().putAll(variables);
      Process process = builder.start();
      boolean ended = process.waitFor(seconds, TimeUnit.SECONDS);
      if (!ended) {
        process.destroyForcibly();
      }
      String said = text(out);
      assertTrue(
          ended, () -> String.join(" ", command) + " took longer than " + seconds + " s: " + said);
      return new Output(process.exitValue(), said, text(err));
    } finally {
      Files.delete(in);
      Files.delete(out);
      Files.delete(err);
    }
  }

  private static String text(Path file) throws IOException {
    // Whatever it is: a program may print bytes that are no text.
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
  }
}
