package dev.retainerd.bench.node;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Runs short programs of the host. */
public final class Commands {
  private static final long QUIET_SECONDS_MAX = 20;

  private Commands() {}

  /**
   * Runs a program to its end.
   *
   * @return what it printed
   * @throws NodeException when it can't be started, takes longer than {@code seconds} or ends with
   *     another code than 0
   */
  public static String run(int seconds, String... command) throws NodeException {
    return run(seconds, Path.of("/dev/null"), command);
  }

  /** The same with {@code input} on its standard input. */
  public static String run(int seconds, Path input, String... command) throws NodeException {
    String line = String.join(" ", List.of(command));
    try {
      File output = File.createTempFile("retain-bench-", ".out");
      try {
        Process process =
            new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output)
                .redirectInput(input.toFile())
                .start();
        if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
          process.destroyForcibly();
          throw new NodeException(line + " took longer than " + seconds + " s");
        }
        String text = new String(Files.readAllBytes(output.toPath()), StandardCharsets.UTF_8);
        if (process.exitValue() != 0) {
          throw new NodeException(
              line + " ended with exit code " + process.exitValue() + ": " + text.strip());
        }
        return text;
      } finally {
        output.delete();
      }
    } catch (IOException e) {
      throw new NodeException(line + " can't be run: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NodeException("interrupted while " + line + " ran", e);
    }
  }

  /** Whether {@code program} is on the PATH. */
  public static boolean has(String program) {
    String path = System.getenv().getOrDefault("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    return Stream.of(path.split(":"))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
  }

  /** For cleaning up, where the thing may be gone already. */
  static void runQuietly(String... command) {
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectInput(new File("/dev/null"))
              .start();
      if (!process.waitFor(QUIET_SECONDS_MAX, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      System.err.println("retain-bench: " + String.join(" ", command) + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
