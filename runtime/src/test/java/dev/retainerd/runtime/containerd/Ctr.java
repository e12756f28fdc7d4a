package dev.retainerd.runtime.containerd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Runs Debian's own {@code ctr} against a socket.
 *
 * @param folder for what it prints
 */
record Ctr(Path socket, Path folder) {

  /** What a run left: its exit code and both streams together. */
  record Run(int code, String output) {}

  Process start(Path output, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("ctr", "-a", socket.toString()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(output.toFile())
        .start();
  }

  Run run(String... arguments) throws Exception {
    Path output = Files.createTempFile(folder, "ctr", ".out");
    Process process = start(output, arguments);
    boolean ended = process.waitFor(60, TimeUnit.SECONDS);
    if (!ended) {
      process.destroyForcibly();
    }
    assertTrue(ended, () -> "ctr hangs: " + String.join(" ", arguments));
    return new Run(process.exitValue(), Files.readString(output));
  }

  String succeeds(String... arguments) throws Exception {
    Run run = run(arguments);
    assertEquals(0, run.code(), run.output());
    return run.output();
  }

  String fails(String... arguments) throws Exception {
    Run run = run(arguments);
    assertFalse(run.code() == 0, run.output());
    return run.output();
  }
}
