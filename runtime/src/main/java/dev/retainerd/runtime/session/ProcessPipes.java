package dev.retainerd.runtime.session;

import dev.retainerd.eventlog.proto.StdioPaths;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.FileCalls;
import dev.retainerd.runtime.linux.NativeFile;
import dev.retainerd.runtime.shims.Folders;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * FIFOs between a shim and the daemon, in a folder of their own that closing removes. The daemon's
 * ends are open before the shim's are, so neither waits for the other; closing them ends whoever
 * waits in a read or a write. Thread-safe.
 */
final class ProcessPipes implements AutoCloseable {
  private static final int FOR_OWNER = 0600;

  private final Path folder;
  private final boolean terminal;
  private final List<NativeFile> keepers = new ArrayList<>();
  private Optional<FileChannel> stdin = Optional.empty();
  private Optional<FileChannel> stdout = Optional.empty();
  private Optional<FileChannel> stderr = Optional.empty();

  private ProcessPipes(Path folder, boolean terminal) {
    this.folder = folder;
    this.terminal = terminal;
  }

  /**
   * Makes them.
   *
   * @param terminal one output in all, as a terminal has
   */
  static ProcessPipes make(Path folder, boolean withStdin, boolean terminal) {
    ProcessPipes pipes = new ProcessPipes(folder, terminal);
    try {
      Files.createDirectories(folder);
      if (withStdin) {
        pipes.stdin = Optional.of(pipes.open("stdin", StandardOpenOption.WRITE));
      }
      pipes.stdout = Optional.of(pipes.open("stdout", StandardOpenOption.READ));
      if (!terminal) {
        pipes.stderr = Optional.of(pipes.open("stderr", StandardOpenOption.READ));
      }
      return pipes;
    } catch (IOException e) {
      pipes.close();
      throw Refusal.internal("the pipes of a process cannot be made: " + e.getMessage(), e);
    }
  }

  private FileChannel open(String name, StandardOpenOption end) throws IOException {
    Path fifo = folder.resolve(name);
    FileCalls.makeFifo(fifo, FOR_OWNER);
    keepers.add(keep(fifo));
    return FileChannel.open(fifo, end);
  }

  /** Both ends of a FIFO, so that opening one of them does not wait for the other. */
  static NativeFile keep(Path fifo) throws IOException {
    return NativeFile.open(
        fifo, NativeFile.O_RDWR | NativeFile.O_NONBLOCK | NativeFile.O_NOFOLLOW, 0);
  }

  /** Their paths, for the shim. */
  StdioPaths paths() {
    return StdioPaths.newBuilder()
        .setStdin(stdin.isPresent() ? folder.resolve("stdin").toString() : "")
        .setStdout(folder.resolve("stdout").toString())
        .setStderr(stderr.isPresent() ? folder.resolve("stderr").toString() : "")
        .setTerminal(terminal)
        .build();
  }

  /** The shim has its ends: from now on the end of one side shows at the other. */
  synchronized void connected() {
    keepers.forEach(NativeFile::close);
    keepers.clear();
  }

  InputStream stdout() {
    return stdout.map(Channels::newInputStream).orElseGet(InputStream::nullInputStream);
  }

  InputStream stderr() {
    return stderr.map(Channels::newInputStream).orElseGet(InputStream::nullInputStream);
  }

  OutputStream stdin() {
    return stdin.map(Channels::newOutputStream).orElseGet(OutputStream::nullOutputStream);
  }

  @Override
  public synchronized void close() {
    connected();
    for (Optional<FileChannel> channel : List.of(stdin, stdout, stderr)) {
      channel.ifPresent(ProcessPipes::close);
    }
    Folders.removeQuietly(folder);
  }

  private static void close(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
