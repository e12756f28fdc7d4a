package dev.retainerd.shim.output;

import dev.retainerd.shim.posix.NullDevice;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * All streams of one process: made before it, handed to it, moved while it lives, drained when it
 * ends, and found again by a successor in the process's folder. Thread-safe: work on the streams is
 * done by the loop's thread.
 */
public final class ProcessStreams {
  /** How long the last bytes may take to reach a slow destination before the exit is told. */
  private static final long DRAIN_NANOS = 10_000_000_000L;

  private static final long DRAIN_RETRY_MILLIS = 20;
  private static final long LATE_RETRY_MILLIS = 250;
  private static final int PIPE_BYTES = 256 << 10;

  /**
   * What a Create or Exec says about its streams.
   *
   * @param owner whose the FIFOs are that the process holds, so that it may open them again; 0:
   *     ours
   * @param group likewise
   */
  public record Wanted(
      boolean terminal, String stdin, String stdout, String stderr, int owner, int group) {}

  /** What is known of the process's stdin. */
  public enum Stdin {
    /** The process is yet to be started. */
    NEW,
    /** A successor takes over; the client may still write. */
    OPEN,
    /** A successor takes over; CloseIO was called. */
    CLOSED
  }

  private final EventLoop loop;
  private final Path folder;
  private final Wanted wanted;
  private final Undelivered undelivered;
  private final List<StreamPump> pumps = new ArrayList<>();
  private final List<Integer> forChild = new ArrayList<>();
  private volatile CriLog log;
  private volatile TerminalPump terminal;
  private StreamPump terminalOnward;
  private StreamPump errorPump;
  private int stdinReader = -1;
  private int stdinWriter = -1;
  private boolean closed;

  private ProcessStreams(EventLoop loop, Path folder, Wanted wanted, Undelivered undelivered) {
    this.undelivered = undelivered;
    this.loop = loop;
    this.folder = folder;
    this.wanted = wanted;
  }

  /**
   * Opens destinations, FIFOs and stdin.
   *
   * @param folder of the process, in the bundle; exists
   * @param undelivered gets what cannot be written by the time that they are closed
   * @throws TtrpcException INVALID_ARGUMENT for a destination that is none, FAILED_PRECONDITION for
   *     one that cannot be opened
   */
  public static ProcessStreams open(
      EventLoop loop, Path folder, Wanted wanted, Stdin stdin, Undelivered undelivered)
      throws TtrpcException {
    return begin(loop, folder, wanted, stdin, undelivered).await();
  }

  /**
   * Streams that are being opened, beside what else there is to do; one of both is to be called.
   */
  public record Opening(ProcessStreams streams, CompletableFuture<Void> opened) {
    /** As {@link ProcessStreams#open} ends. */
    public ProcessStreams await() throws TtrpcException {
      ProcessStreams.await(opened, "the streams of " + streams.folder);
      return streams;
    }

    /** They are not wanted any more. */
    public void giveUp() {
      streams.close().join();
    }
  }

  /** Begins what {@link #open} does and waits for it. */
  public static Opening begin(
      EventLoop loop, Path folder, Wanted wanted, Stdin stdin, Undelivered undelivered)
      throws TtrpcException {
    ProcessStreams streams = new ProcessStreams(loop, folder, wanted, undelivered);
    Destination stdout = Destination.parse(wanted.stdout());
    Destination stderr =
        wanted.terminal() ? new Destination.Discard() : Destination.parse(wanted.stderr());
    CompletableFuture<Void> opened = new CompletableFuture<>();
    loop.submit(
        () -> {
          try {
            streams.openAll(stdout, stderr, stdin);
            opened.complete(null);
          } catch (IOException | RuntimeException e) {
            streams.closeNow();
            opened.completeExceptionally(e);
          }
        });
    return new Opening(streams, opened);
  }

  private void openAll(Destination stdout, Destination stderr, Stdin stdin) throws IOException {
    FileSink.Target[] shared = new FileSink.Target[1];
    StreamPump first = openStream(stdout, 0, "stdout", shared);
    boolean sameFile = stdout.equals(stderr);
    errorPump = openStream(stderr, 1, "stderr", sameFile ? shared : new FileSink.Target[1]);
    terminalOnward = first;
    if (!wanted.stdin().isEmpty()) {
      openStdin(stdin);
    }
  }

  private StreamPump openStream(
      Destination destination, int number, String name, FileSink.Target[] shared)
      throws IOException {
    Sink sink =
        switch (destination) {
          case Destination.Discard() -> null;
          case Destination.ClientFifo(Path path) -> new FifoSink(path);
          case Destination.RawFile(Path path) -> {
            if (shared[0] == null) {
              shared[0] = new FileSink.Target(path);
            }
            yield new FileSink(shared[0]);
          }
          case Destination.CriFile(Path path, LogSettings settings) -> {
            if (log == null) {
              log = CriLog.open(path, logFolder(), settings);
            }
            yield log.sink(number);
          }
        };
    if (sink == null) {
      return null;
    }
    Path fifo = fifo(name);
    Posix.makeFifo(fifo.toString());
    if (wanted.owner() != 0 || wanted.group() != 0) {
      Posix.chown(fifo.toString(), wanted.owner(), wanted.group());
    }
    int pipe = Posix.open(fifo.toString(), Posix.O_RDONLY | Posix.O_NONBLOCK, 0);
    Posix.growPipe(pipe, PIPE_BYTES);
    StreamPump pump = new StreamPump(loop, pipe, sink);
    pumps.add(pump);
    pump.start();
    return pump;
  }

  /**
   * The client's FIFO goes to the process as it is. Our own writer keeps it from ending when the
   * client pauses; CloseIO gives that up.
   */
  private void openStdin(Stdin stdin) throws PosixException {
    String path = wanted.stdin();
    int reader = Posix.tryOpen(path, Posix.O_RDONLY | Posix.O_NONBLOCK, 0);
    if (reader < 0 && stdin == Stdin.NEW) {
      throw new PosixException("cannot open the stdin FIFO " + path, -reader);
    }
    if (reader >= 0 && stdin != Stdin.CLOSED) {
      stdinWriter = Posix.open(path, Posix.O_WRONLY | Posix.O_NONBLOCK, 0);
    }
    if (stdin == Stdin.NEW || wanted.terminal()) {
      stdinReader = reader;
    } else {
      // The process has its own; another reader would keep the client from seeing its end.
      Posix.close(reader);
    }
  }

  /**
   * Spool and checkpoint have a folder of their own, so that they can leave the bundle at once.
   * Those of a shim of an older version lie beside the FIFOs, and stay there.
   */
  private Path logFolder() throws IOException {
    if (Files.exists(folder.resolve("log-position"))) {
      return folder;
    }
    return Files.createDirectories(folder.resolve("log"));
  }

  private Path fifo(String name) {
    return folder.resolve(name + ".fifo");
  }

  /**
   * Descriptors for the process's 0, 1 and 2, closed again by {@link #givenAway}. A process with a
   * terminal gets /dev/null, because the runtime gives it the terminal.
   */
  public int[] forProcess() throws PosixException {
    int[] all = new int[3];
    if (wanted.terminal() || stdinReader < 0) {
      all[0] = nothing(Posix.O_RDONLY);
    } else {
      all[0] = stdinReader;
      stdinReader = -1;
      Posix.setBlocking(all[0], true);
    }
    forChild.add(all[0]);
    all[1] = writer("stdout", wanted.stdout());
    all[2] = writer("stderr", wanted.stderr());
    return all;
  }

  private int writer(String name, String destination) throws PosixException {
    boolean none = wanted.terminal() || destination.isEmpty();
    int fd = none ? nothing(Posix.O_RDWR) : Posix.open(fifo(name).toString(), Posix.O_RDWR, 0);
    forChild.add(fd);
    return fd;
  }

  private int nothing(int flags) throws PosixException {
    return wanted.owner() != 0 || wanted.group() != 0
        ? NullDevice.openGuarded(flags)
        : Posix.open("/dev/null", flags, 0);
  }

  /** The process has its descriptors; ours are closed, so that its end can be seen. */
  public void givenAway() {
    for (int fd : forChild) {
      Posix.close(fd);
    }
    forChild.clear();
  }

  /** Takes over the master of the process's terminal and owns it from now on. */
  public void attachTerminal(int master) throws TtrpcException {
    CompletableFuture<Void> attached = new CompletableFuture<>();
    loop.submit(
        () -> {
          try {
            Path stage = fifo("stdout");
            Posix.makeFifo(stage.toString());
            int fd = Posix.open(stage.toString(), Posix.O_RDWR | Posix.O_NONBLOCK, 0);
            TerminalPump pump = new TerminalPump(loop, master, fd, terminalOnward, stdinReader);
            stdinReader = -1;
            terminal = pump;
            pump.start();
            attached.complete(null);
          } catch (PosixException | RuntimeException e) {
            attached.completeExceptionally(e);
          }
        });
    await(attached, "the terminal of " + folder);
  }

  public boolean hasTerminal() {
    return terminal != null;
  }

  /** Nothing to do once the terminal's process has ended. */
  public void resize(int width, int height) throws TtrpcException {
    CompletableFuture<Void> resized = new CompletableFuture<>();
    loop.submit(
        () -> {
          try {
            if (terminal != null && !closed) {
              terminal.resize(width, height);
            }
            resized.complete(null);
          } catch (PosixException e) {
            resized.completeExceptionally(e);
          }
        });
    await(resized, "the size of the terminal of " + folder);
  }

  /** What a successor could not open again by name, to be held elsewhere. */
  public record Holdable(String name, int descriptor) {}

  /** Duplicates, to be closed by the caller. */
  public List<Holdable> holdables() {
    CompletableFuture<List<Holdable>> found = new CompletableFuture<>();
    loop.submit(
        () -> {
          List<Holdable> all = new ArrayList<>();
          try {
            for (int i = 0; i < pumps.size() && !closed; i++) {
              all.add(new Holdable("pipe" + i, Posix.duplicate(pumps.get(i).pipe())));
            }
            if (terminal != null && !closed) {
              all.add(new Holdable("terminal", Posix.duplicate(terminal.master())));
            }
          } catch (PosixException e) {
            // Out of descriptors: what could be had is better than nothing.
          }
          found.complete(all);
        });
    return found.orTimeout(30, java.util.concurrent.TimeUnit.SECONDS).join();
  }

  /** The client has typed its last: the process sees the end when the client has closed as well. */
  public void closeStdin() {
    loop.submit(
        () -> {
          Posix.close(stdinWriter);
          stdinWriter = -1;
        });
  }

  /**
   * Completes when all that the ended process wrote is where it belongs, or after ten seconds in
   * which its destination did not take it. Never fails.
   */
  public CompletableFuture<Void> drained() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    long deadline = System.nanoTime() + DRAIN_NANOS;
    loop.submit(
        () -> {
          if (log != null) {
            log.hurry();
          }
          drain(done, deadline);
        });
    return done;
  }

  private void drain(CompletableFuture<Void> done, long deadline) {
    boolean empty = terminal == null || terminal.turn();
    for (StreamPump pump : pumps) {
      empty &= pump.turn();
    }
    for (StreamPump pump : pumps) {
      empty = empty && pump.flush();
    }
    boolean late = System.nanoTime() - deadline >= 0;
    if (empty || closed || late) {
      if (terminal != null) {
        closeTerminal();
      }
      done.complete(null);
    }
    if (!empty && !closed) {
      // The end is told, and yet what could not be written goes on being tried.
      loop.after(late ? LATE_RETRY_MILLIS : DRAIN_RETRY_MILLIS, () -> drain(done, deadline));
    }
  }

  /** With the terminal's process gone, the stage's end must reach whoever reads the output. */
  private void closeTerminal() {
    terminal.close();
    for (StreamPump pump : pumps) {
      pump.turn();
    }
  }

  /**
   * Gives FIFOs that somebody reads a copy of what the process writes from now on; it goes where it
   * went all the same.
   *
   * @param stdout empty for none
   * @param stderr empty for none; a terminal has none
   * @throws TtrpcException FAILED_PRECONDITION where nobody reads them, or where the stream is
   *     wanted by nobody, so that the process has none
   */
  public void attach(String stdout, String stderr) throws TtrpcException {
    CompletableFuture<Void> attached = new CompletableFuture<>();
    loop.submit(
        () -> {
          try {
            attach(terminalOnward, stdout);
            attach(errorPump, wanted.terminal() ? "" : stderr);
            attached.complete(null);
          } catch (PosixException | RuntimeException e) {
            attached.completeExceptionally(e);
          }
        });
    await(attached, "copies of the streams of " + folder);
  }

  private static void attach(StreamPump pump, String fifo) throws PosixException {
    if (!fifo.isEmpty()) {
      if (pump == null) {
        throw new PosixException("the process was made without this stream", 0);
      }
      pump.attach(fifo);
    }
  }

  /** Begins a new file at the path of a CRI log; nothing to do for other destinations. */
  public void reopenLog() throws TtrpcException {
    CompletableFuture<Void> reopened = new CompletableFuture<>();
    loop.submit(
        () -> {
          try {
            if (log != null && !closed) {
              log.reopen();
            }
            reopened.complete(null);
          } catch (IOException | RuntimeException e) {
            reopened.completeExceptionally(e);
          }
        });
    await(reopened, "the log of " + folder);
  }

  /**
   * Changes how the CRI log is written, from the next entry on.
   *
   * @param changes as {@link LogSettings#with}; none to ask only
   * @return how it is written then
   * @throws TtrpcException INVALID_ARGUMENT for a setting that is none, FAILED_PRECONDITION where
   *     the output goes into no such log or the change cannot be kept
   */
  public LogSettings logSettings(Map<String, Long> changes) throws TtrpcException {
    CompletableFuture<LogSettings> changed = new CompletableFuture<>();
    loop.submit(
        () -> {
          try {
            if (log == null || closed) {
              throw new IOException("there is no CRI log");
            }
            if (!changes.isEmpty()) {
              log.set(log.settings().with(changes));
            }
            changed.complete(log.settings());
          } catch (IOException | TtrpcException | RuntimeException e) {
            changed.completeExceptionally(e);
          }
        });
    return await(changed, "the log of " + folder);
  }

  /** Ends all streams; returns at once. */
  public CompletableFuture<Void> close() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    loop.submit(
        () -> {
          closeNow();
          done.complete(null);
        });
    return done;
  }

  private void closeNow() {
    if (closed) {
      return;
    }
    for (StreamPump pump : pumps) {
      pump.turn();
    }
    if (log != null) {
      closeLog();
    }
    pumps.forEach(StreamPump::close);
    if (terminal != null) {
      terminal.close();
    }
    Posix.close(stdinReader);
    Posix.close(stdinWriter);
    stdinReader = -1;
    stdinWriter = -1;
    givenAway();
    closed = true;
  }

  /** What a full disk does not take is left to be written later. */
  private void closeLog() {
    boolean whole = true;
    for (StreamPump pump : pumps) {
      whole = whole && pump.flush();
    }
    if (whole) {
      return;
    }
    boolean spooled = true;
    for (StreamPump pump : pumps) {
      spooled &= pump.spool();
    }
    if (!spooled) {
      System.err.println("of " + folder + " what is in the pipes is dropped: two disks are full");
    }
    if (!Files.exists(folder.resolve("log-position"))) {
      log.leaveTo(undelivered);
    }
  }

  private static <T> T await(CompletableFuture<T> work, String what) throws TtrpcException {
    try {
      return work.get(30, java.util.concurrent.TimeUnit.SECONDS);
    } catch (java.util.concurrent.ExecutionException e) {
      if (e.getCause() instanceof TtrpcException refusal) {
        throw refusal;
      }
      throw new TtrpcException(
          StatusCode.FAILED_PRECONDITION,
          what + " cannot be opened: " + e.getCause().getMessage(),
          e.getCause());
    } catch (java.util.concurrent.TimeoutException e) {
      throw new TtrpcException(
          StatusCode.DEADLINE_EXCEEDED, what + " could not be opened within 30 s", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TtrpcException(StatusCode.CANCELLED, what + " were given up", e);
    }
  }

  /** Removes what the streams keep in the process's folder. */
  public static void removeFiles(Path folder) throws IOException {
    Path log = folder.resolve("log");
    if (Files.isDirectory(log)) {
      removeFiles(log);
      Files.deleteIfExists(log);
    }
    try (var files = Files.newDirectoryStream(folder, "{stdout,stderr,log-,destination}*")) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    }
  }
}
