package dev.retainerd.shim.process;

import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.record.RuntimeRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Calls of runc or crun for the containers of one root. Every call has a deadline, after which the
 * runtime is killed; what the runtime says in its log becomes the message of the refusal.
 * Thread-safe.
 */
public final class OciRuntime {
  private static final long LOOK_MILLIS = 50;
  private static final AtomicLong CALLS = new AtomicLong();
  private static final String DEFAULT_PATH =
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  private final Reaper reaper;
  private final RuntimeRecord options;
  private final Duration patience;

  /**
   * @param patience how long one call may take before the runtime is killed
   */
  public OciRuntime(Reaper reaper, RuntimeRecord options, Duration patience) {
    this.reaper = reaper;
    this.options = options;
    this.patience = patience;
  }

  /** The same with a shorter patience, for cleaning up after a call that used up its own. */
  public OciRuntime hurried() {
    return new OciRuntime(reaper, options, patience.dividedBy(4));
  }

  /** The same with a longer patience, for writing all memory of a container to a disk. */
  public OciRuntime patient() {
    return new OciRuntime(reaper, options, patience.multipliedBy(10));
  }

  /**
   * The runtime's file.
   *
   * @throws TtrpcException FAILED_PRECONDITION when there is none
   */
  public static String find(String name) throws TtrpcException {
    String wanted = name.isEmpty() ? "runc" : name;
    if (wanted.startsWith("/")) {
      if (Files.isExecutable(Path.of(wanted))) {
        return wanted;
      }
    } else if (wanted.indexOf('/') < 0) {
      String path = System.getenv("PATH");
      for (String folder : (path == null ? DEFAULT_PATH : path + ":" + DEFAULT_PATH).split(":")) {
        if (folder.startsWith("/") && Files.isExecutable(Path.of(folder, wanted))) {
          return folder + "/" + wanted;
        }
      }
    }
    throw new TtrpcException(
        StatusCode.FAILED_PRECONDITION,
        "the OCI runtime " + wanted + " is not there; install it or set BinaryName in the options");
  }

  /**
   * Makes a container with its first process, which waits to be started.
   *
   * @param stdio what is its 0, 1 and 2
   * @param meanwhile done while the runtime works, and done when this returns
   */
  public void create(
      String id, Path bundle, Path folder, String consoleSocket, int[] stdio, Runnable meanwhile)
      throws TtrpcException {
    List<String> arguments = new ArrayList<>(List.of("create", "--bundle", bundle.toString()));
    addProcessOptions(arguments, folder, consoleSocket);
    if (options.getNoPivotRoot()) {
      arguments.add("--no-pivot");
    }
    if (options.getNoNewKeyring()) {
      arguments.add("--no-new-keyring");
    }
    arguments.add(id);
    call(folder, arguments, stdio, meanwhile);
  }

  /**
   * Makes a container from an image that criu wrote; it runs at once.
   *
   * @param image the folder with the image
   */
  public void restore(
      String id, Path bundle, Path folder, String consoleSocket, int[] stdio, String image)
      throws TtrpcException {
    List<String> arguments =
        new ArrayList<>(
            List.of("restore", "--detach", "--bundle", bundle.toString(), "--image-path", image));
    if (!options.getCriuWorkPath().isEmpty()) {
      arguments.add("--work-path");
      arguments.add(options.getCriuWorkPath());
    }
    addProcessOptions(arguments, folder, consoleSocket);
    if (options.getNoPivotRoot()) {
      arguments.add("--no-pivot");
    }
    arguments.add(id);
    call(folder, arguments, stdio);
  }

  /**
   * Makes ready for {@link #start} of a container that may still be made. Where runc makes it, and
   * under its own name, its call is spared, which takes 10 ms: whatever wraps it may want to see
   * it.
   *
   * @return null where the start is to be the runtime's
   */
  public StartReader startReader(String id, Path bundle, Path folder) {
    ExecFifo fifo = new ExecFifo(Path.of(options.getRoot()), id);
    boolean runc = Path.of(options.getBinary()).endsWith("runc");
    if (!runc || !StartReader.isPossible() || !ExecFifo.isAllOfStart(bundle)) {
      return null;
    }
    try {
      return StartReader.make(this, fifo, folder);
    } catch (PosixException e) {
      System.err.println("the start of " + id + " is left to its runtime: " + e.getMessage());
      return null;
    }
  }

  /**
   * Lets the first process of a created container become the user's program.
   *
   * @param reader what {@link #startReader} has given
   * @param pid the first process
   */
  public void start(String id, Path folder, StartReader reader, int pid) throws TtrpcException {
    // Where init has ended before, the runtime says it in its own words.
    if (reader == null || !reader.letGo(pid)) {
      call(folder, List.of("start", id), null);
    }
  }

  public void exec(String id, Path folder, String consoleSocket, int[] stdio)
      throws TtrpcException {
    List<String> arguments =
        new ArrayList<>(
            List.of("exec", "--process", folder.resolve("spec.json").toString(), "--detach"));
    addProcessOptions(arguments, folder, consoleSocket);
    arguments.add(id);
    call(folder, arguments, stdio);
  }

  private static void addProcessOptions(List<String> arguments, Path folder, String consoleSocket) {
    arguments.add("--pid-file");
    arguments.add(folder.resolve("pid").toString());
    if (!consoleSocket.isEmpty()) {
      arguments.add("--console-socket");
      arguments.add(consoleSocket);
    }
  }

  /** Any other call, with its arguments. */
  public void simple(Path folder, String... arguments) throws TtrpcException {
    call(folder, List.of(arguments), null);
  }

  private void call(Path folder, List<String> arguments, int[] stdio) throws TtrpcException {
    call(folder, arguments, stdio, () -> {});
  }

  private void call(Path folder, List<String> arguments, int[] stdio, Runnable meanwhile)
      throws TtrpcException {
    Path log = folder.resolve("runtime-" + CALLS.incrementAndGet() + ".log");
    List<String> all =
        new ArrayList<>(
            List.of(
                options.getBinary(),
                "--root",
                options.getRoot(),
                "--log",
                log.toString(),
                "--log-format",
                "json"));
    if (options.getSystemdCgroup()) {
      all.add("--systemd-cgroup");
    }
    all.addAll(arguments);
    int none = -1;
    try {
      none = Posix.open("/dev/null", Posix.O_RDWR, 0);
      int[] three = stdio == null ? new int[] {none, none, none} : stdio;
      int status = run(folder, all, arguments.get(0), three, meanwhile);
      if (status != 0) {
        throw new TtrpcException(
            StatusCode.UNKNOWN,
            "OCI runtime " + arguments.get(0) + " failed: " + reason(log, status));
      }
    } catch (PosixException e) {
      throw new TtrpcException(StatusCode.UNKNOWN, e.getMessage(), e);
    } finally {
      Posix.close(none);
      removeQuietly(log);
    }
  }

  private int run(Path folder, List<String> command, String verb, int[] stdio, Runnable meanwhile)
      throws PosixException, TtrpcException {
    Path note = folder.resolve("runtime-call");
    Call call = spawn(folder, command, stdio);
    boolean noted = verb.equals("create") && write(note, call.pid());
    try {
      int status;
      try {
        meanwhile.run();
      } finally {
        // Whatever comes: its end is to be known before anything is undone.
        status = await(call, verb, () -> {});
      }
      return status;
    } finally {
      if (noted) {
        removeQuietly(note);
      }
    }
  }

  record Call(int pid, String program, CompletableFuture<Integer> ended) {}

  Call spawn(Path folder, List<String> command, int[] stdio) throws PosixException {
    CompletableFuture<Integer> ended = new CompletableFuture<>();
    int pid =
        reaper.spawn(
            new Processes.Command(
                command.get(0),
                command,
                environment(),
                folder.toString(),
                stdio[0],
                stdio[1],
                stdio[2],
                false),
            (status, atNanos) -> ended.complete(status));
    return new Call(pid, command.get(0), ended);
  }

  /**
   * Waits for its end.
   *
   * @param meanwhile done now and then
   */
  int await(Call call, String verb, Runnable meanwhile) throws TtrpcException {
    long deadline = System.nanoTime() + patience.toNanos();
    try {
      while (true) {
        try {
          return call.ended().get(LOOK_MILLIS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
          meanwhile.run();
          if (System.nanoTime() - deadline > 0) {
            reaper.signalIfOurs(call.pid(), Processes.SIGKILL);
            throw new TtrpcException(
                StatusCode.DEADLINE_EXCEEDED,
                "OCI runtime "
                    + verb
                    + " did not end within "
                    + patience.toMillis() / 1000.0
                    + " s and was killed; see what "
                    + call.program()
                    + " waits for",
                e);
          }
        }
      }
    } catch (InterruptedException | ExecutionException e) {
      throw new TtrpcException(StatusCode.INTERNAL, "OCI runtime " + verb + " was given up", e);
    }
  }

  /** A successor that finds this note knows that the call may still be under way. */
  private static boolean write(Path note, int pid) {
    Processes.Stat stat = Processes.stat(pid);
    try {
      Files.writeString(note, pid + " " + (stat == null ? 0 : stat.startTicks()));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static List<String> environment() {
    List<String> environment = new ArrayList<>();
    for (Map.Entry<String, String> one : System.getenv().entrySet()) {
      if (!one.getKey().startsWith("RETAIN") && !one.getKey().equals("MALLOC_ARENA_MAX")) {
        environment.add(one.getKey() + "=" + one.getValue());
      }
    }
    if (System.getenv("PATH") == null) {
      environment.add("PATH=" + DEFAULT_PATH);
    }
    return environment;
  }

  private static String reason(Path log, int status) {
    String last = "";
    try {
      for (String line : Files.readAllLines(log)) {
        last = messageOf(line, last);
      }
    } catch (IOException e) {
      // Without a log the status must do.
    }
    return last.isEmpty() ? "it ended with status " + status + " and said nothing" : last;
  }

  private static String messageOf(String line, String otherwise) {
    try {
      Object entry = Json.parse(line);
      boolean grave =
          Json.get(entry, "level") instanceof String level
              && (level.equals("error") || level.equals("fatal"));
      return grave && Json.get(entry, "msg") instanceof String message ? message : otherwise;
    } catch (IllegalArgumentException e) {
      return line.isBlank() ? otherwise : line;
    }
  }

  private static void removeQuietly(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      // It goes with its folder.
    }
  }
}
