package dev.retainerd.runtime.shims;

import dev.retainerd.runtime.error.Refusal;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Starts shim processes. A shim detaches itself, so that it outlives the daemon; its folder holds
 * its socket and its log.
 *
 * @param binary the shim's launcher
 * @param shimsFolder one folder per shim is made below it, on storage that a reboot may take
 */
public record ShimLauncher(Path binary, Path shimsFolder) {
  static final Duration START_PATIENCE = Duration.ofSeconds(20);
  private static final long POLL_MILLIS = 5;

  /** Where the shim of that id listens. */
  public Path socket(String id) {
    return folder(id).resolve("sock");
  }

  /** The shim's own folder. */
  public Path folder(String id) {
    return shimsFolder.resolve(id);
  }

  /**
   * Starts a shim and waits until it answers.
   *
   * @throws Refusal UNAVAILABLE where it does not answer in time; the process is ended then
   */
  ShimCalls start(String id, ShimConnector connector) {
    Process process = spawn(id);
    long deadline = System.nanoTime() + START_PATIENCE.toNanos();
    while (true) {
      try {
        if (Files.exists(socket(id))) {
          ShimCalls calls = connector.connect(socket(id));
          calls.info(Duration.ofSeconds(5));
          return calls;
        }
      } catch (Refusal notYet) {
        // Its socket is there a moment before it accepts.
      }
      if (!process.isAlive()) {
        throw Refusal.unavailable(
            "shim "
                + id
                + " ended with code "
                + process.exitValue()
                + " at its start; see "
                + folder(id).resolve("log"));
      }
      if (System.nanoTime() > deadline) {
        process.destroyForcibly();
        throw Refusal.unavailable(
            "shim "
                + id
                + " did not answer within "
                + START_PATIENCE.toSeconds()
                + " s; see "
                + folder(id).resolve("log"));
      }
      pause();
    }
  }

  /**
   * The version of the installed shim, which a running one may be behind.
   *
   * @throws Refusal UNAVAILABLE where it does not say
   */
  String version() {
    try {
      Process process =
          new ProcessBuilder(binary.toString(), "--version").redirectErrorStream(true).start();
      process.getOutputStream().close();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor(START_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
          && process.exitValue() == 0) {
        return said.strip().substring(said.strip().lastIndexOf(' ') + 1);
      }
      throw Refusal.unavailable(binary + " --version says: " + said.strip());
    } catch (IOException e) {
      throw Refusal.unavailable(binary + " cannot be asked for its version: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the version of the shim was not waited for");
    }
  }

  private Process spawn(String id) {
    try {
      Files.createDirectories(folder(id));
      Files.deleteIfExists(socket(id));
      File log = folder(id).resolve("log").toFile();
      ProcessBuilder builder =
          new ProcessBuilder(
                  List.of(
                      binary.toString(),
                      "serve",
                      "--id",
                      id,
                      "--dir",
                      folder(id).toString(),
                      "--socket",
                      socket(id).toString(),
                      // For callers that name none, such as ctr: the runtime's records are ours to
                      // keep and to remove, not containerd's.
                      "--runtime-root",
                      shimsFolder.resolveSibling("runc").toString(),
                      "--undelivered",
                      shimsFolder.resolveSibling("undelivered").toString()))
              .directory(folder(id).toFile())
              .redirectInput(new File("/dev/null"))
              .redirectOutput(ProcessBuilder.Redirect.appendTo(log))
              .redirectError(ProcessBuilder.Redirect.appendTo(log));
      Map<String, String> environment = builder.environment();
      String path = environment.getOrDefault("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
      environment.clear();
      environment.put("PATH", path);
      environment.put("MALLOC_ARENA_MAX", "1");
      return builder.start();
    } catch (IOException e) {
      throw new Refusal(
          Refusal.Code.UNAVAILABLE,
          "shim " + id + " cannot be started from " + binary + ": " + e.getMessage(),
          e);
    }
  }

  private static void pause() {
    try {
      Thread.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the wait for a shim was interrupted");
    }
  }
}
