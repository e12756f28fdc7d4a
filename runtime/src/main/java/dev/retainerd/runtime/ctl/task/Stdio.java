package dev.retainerd.runtime.ctl.task;

import dev.retainerd.runtime.ctl.command.CommandFailure;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A process's stdin, stdout and stderr, as paths for the daemon and as copies to and from our own.
 *
 * <p>The FIFOs are made here, and the shim opens its ends of them when it creates the process. Each
 * copy runs on a daemon thread that waits in open() until then, so that a process which never comes
 * into being holds nobody up: we end, and the thread with us.
 */
final class Stdio implements AutoCloseable {
  private static final int BUFFER_BYTES = 64 * 1024;
  private static final long MKFIFO_SECONDS = 10;
  private static final Path FOLDER = Path.of("/run/retainerd/fifo");

  private final Paths paths;
  private final Optional<Path> folder;
  private final List<Thread> outputs = new ArrayList<>();
  private final CountDownLatch started = new CountDownLatch(1);
  private volatile Runnable onStdinEnd = () -> {};

  /** What the daemon is told; empty strings stand for /dev/null. */
  record Paths(String stdin, String stdout, String stderr, boolean terminal) {}

  private Stdio(Paths paths, Optional<Path> folder) {
    this.paths = paths;
    this.folder = folder;
  }

  /** No stdio at all. */
  static Stdio none(boolean terminal) {
    return new Stdio(new Paths("", "", "", terminal), Optional.empty());
  }

  /** Output goes to a log URI that the shim serves by itself. */
  static Stdio log(String uri, boolean terminal) {
    if (!uri.contains("://")) {
      throw CommandFailure.usage(
          "\"" + uri + "\" is no log URI: write it as file:///PATH or binary:///PATH");
    }
    return new Stdio(new Paths("", uri, uri, terminal), Optional.empty());
  }

  /** Paths that a process has already: to attach to it. */
  static Stdio existing(Paths paths) {
    return new Stdio(paths, Optional.empty());
  }

  /** New FIFOs below {@code base}; "" for the usual place. */
  static Stdio fifos(String id, boolean terminal, boolean withStdin, String base)
      throws IOException {
    Path parent = base.isEmpty() ? FOLDER : Path.of(base);
    Files.createDirectories(parent);
    Path folder = Files.createTempDirectory(parent, "");
    String stdin = withStdin ? folder.resolve(id + "-stdin").toString() : "";
    String stdout = folder.resolve(id + "-stdout").toString();
    String stderr = terminal ? "" : folder.resolve(id + "-stderr").toString();
    List<String> wanted = new ArrayList<>(List.of("mkfifo", "-m", "0600", stdout));
    if (withStdin) {
      wanted.add(stdin);
    }
    if (!terminal) {
      wanted.add(stderr);
    }
    make(wanted);
    return new Stdio(new Paths(stdin, stdout, stderr, terminal), Optional.of(folder));
  }

  private static void make(List<String> command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      if (!process.waitFor(MKFIFO_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw CommandFailure.of("the FIFOs could not be made: mkfifo failed");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CommandFailure.of("interrupted while the FIFOs were made", e);
    }
  }

  Paths paths() {
    return paths;
  }

  /** Begins to copy. */
  void copy() {
    if (!paths.stdin().isEmpty()) {
      thread("stdin", this::copyStdin);
    }
    // A log URI is served by the shim.
    if (!paths.stdout().isEmpty() && !paths.stdout().contains("://")) {
      outputs.add(thread("stdout", () -> copyOut(paths.stdout(), FileDescriptor.out)));
    }
    if (!paths.stderr().isEmpty() && !paths.stderr().contains("://")) {
      outputs.add(thread("stderr", () -> copyOut(paths.stderr(), FileDescriptor.err)));
    }
  }

  /** The process runs: from now on the end of our stdin is passed on by {@code close}. */
  void processStarted(Runnable close) {
    onStdinEnd = close;
    started.countDown();
  }

  private static Thread thread(String name, Runnable work) {
    return Thread.ofPlatform().daemon(true).name("copy-" + name).start(work);
  }

  private void copyStdin() {
    try (OutputStream fifo = new FileOutputStream(paths.stdin())) {
      pump(new FileInputStream(FileDescriptor.in), fifo);
    } catch (IOException readerIsGone) {
      return;
    }
    try {
      started.await();
      onStdinEnd.run();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void copyOut(String fifo, FileDescriptor to) {
    try (InputStream in = new FileInputStream(fifo)) {
      // Not closed: it is the standard stream of this process.
      pump(in, new FileOutputStream(to));
    } catch (IOException nobodyListens) {
      // A broken pipe behind us ends the copy, as it ends cat.
    }
  }

  private static void pump(InputStream in, OutputStream out) throws IOException {
    byte[] buffer = new byte[BUFFER_BYTES];
    for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
      out.write(buffer, 0, read);
    }
  }

  /** Waits until all output is copied, at most so long; whether it is. */
  boolean drain(long millis) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    for (Thread thread : outputs) {
      long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
      if (left <= 0 || !thread.join(java.time.Duration.ofMillis(left))) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() {
    folder.ifPresent(
        path -> {
          for (String one : List.of(paths.stdin(), paths.stdout(), paths.stderr())) {
            if (!one.isEmpty()) {
              delete(Path.of(one));
            }
          }
          delete(path);
        });
  }

  private static void delete(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException stays) {
      // A FIFO left below /run harms nobody and goes with the next boot.
    }
  }
}
