package dev.retainerd.runtime.network;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Runs a program to its end with input, bounded output and a deadline, after which it and its
 * children are killed. To be called from any thread, virtual ones included.
 */
final class ChildProcess {
  private static final int MOST_OUTPUT_BYTES = 4 << 20;
  private static final int MOST_ERROR_BYTES = 64 << 10;

  /** A child of the program may hold its output open when it has ended itself. */
  private static final Duration GRACE_FOR_OUTPUT = Duration.ofSeconds(1);

  private ChildProcess() {}

  /**
   * How it ended.
   *
   * @param output standard output, at most 4 MiB
   * @param truncated true if there was more
   * @param error standard error, at most 64 KiB
   */
  record Ended(int exitCode, byte[] output, boolean truncated, String error) {}

  /** The deadline passed; the program is killed. */
  static final class OverdueException extends Exception {
    private static final long serialVersionUID = 1L;

    OverdueException(String sentence) {
      super(sentence);
    }
  }

  /**
   * Starts it with the daemon's own environment and the given additions.
   *
   * @throws IOException if it cannot be started
   * @throws OverdueException if it did not end in time
   */
  static Ended run(
      List<String> command, Map<String, String> environment, byte[] input, Duration deadline)
      throws IOException, OverdueException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).directory(Path.of("/").toFile());
    Map<String, String> full = builder.environment();
    full.put("PATH", withSystemFolders(full.getOrDefault("PATH", "")));
    full.putAll(environment);
    Process process = builder.start();
    Collector output = new Collector(process.getInputStream(), MOST_OUTPUT_BYTES);
    Collector error = new Collector(process.getErrorStream(), MOST_ERROR_BYTES);
    Thread.startVirtualThread(() -> feed(process, input));
    boolean ended = false;
    try {
      ended = process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS);
    } finally {
      if (!ended) {
        kill(process);
      }
    }
    if (!ended) {
      throw new OverdueException(
          "did not end within " + deadline.toMillis() + " ms and was killed" + said(error));
    }
    output.await(GRACE_FOR_OUTPUT);
    error.await(GRACE_FOR_OUTPUT);
    return new Ended(process.exitValue(), output.bytes(), output.truncated, error.text());
  }

  private static String said(Collector error) {
    String text = error.text().strip();
    return text.isEmpty() ? "" : "; it had said: " + text;
  }

  /** Plugins call iptables and the like; a daemon started from a bare environment lacks sbin. */
  private static String withSystemFolders(String path) {
    StringBuilder full = new StringBuilder(path);
    for (String folder :
        List.of("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")) {
      if (!List.of(path.split(":")).contains(folder)) {
        full.append(full.isEmpty() ? "" : ":").append(folder);
      }
    }
    return full.toString();
  }

  private static void feed(Process process, byte[] input) {
    try (OutputStream stdin = process.getOutputStream()) {
      stdin.write(input);
    } catch (IOException e) {
      // It ended or closed its input before reading all; its exit status tells what that means.
      return;
    }
  }

  /** A plugin delegates to children (bridge to host-local), which must not outlive it. */
  private static void kill(Process process) {
    List<ProcessHandle> children = process.descendants().toList();
    process.destroyForcibly();
    children.forEach(ProcessHandle::destroyForcibly);
  }

  /** Reads a stream to its end on a thread of its own, keeping the first bytes. */
  private static final class Collector {
    private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
    private final CountDownLatch end = new CountDownLatch(1);
    private final int most;
    private volatile boolean truncated;

    Collector(InputStream stream, int most) {
      this.most = most;
      Thread.startVirtualThread(() -> collect(stream));
    }

    private void collect(InputStream stream) {
      byte[] buffer = new byte[8192];
      try (stream) {
        for (int n = stream.read(buffer); n >= 0; n = stream.read(buffer)) {
          keep(buffer, n);
        }
      } catch (IOException e) {
        // The pipe broke: what came before is all there is.
        return;
      } finally {
        end.countDown();
      }
    }

    private synchronized void keep(byte[] buffer, int count) {
      int room = most - kept.size();
      kept.write(buffer, 0, Math.min(room, count));
      truncated |= count > room;
    }

    /** If the time is over, what has come so far is used. */
    void await(Duration time) throws InterruptedException {
      end.await(time.toMillis(), TimeUnit.MILLISECONDS);
    }

    synchronized byte[] bytes() {
      return kept.toByteArray();
    }

    String text() {
      return new String(bytes(), StandardCharsets.UTF_8);
    }
  }
}
