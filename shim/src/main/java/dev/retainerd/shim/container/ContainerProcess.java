package dev.retainerd.shim.container;

import dev.retainerd.shim.output.ProcessStreams;
import dev.retainerd.shim.posix.Errno;
import dev.retainerd.shim.posix.Pidfd;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.process.Reaper;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.record.ExitRecord;
import dev.retainerd.shim.wire.record.ProcessRecord;
import dev.retainerd.shim.wire.record.Stage;
import dev.retainerd.shim.wire.retain.ExitSource;
import dev.retainerd.shim.wire.retain.Record;
import dev.retainerd.shim.wire.retain.RecordKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;

/**
 * One process of a container, the first or an exec, from its making to its end.
 *
 * <p>Its end has three steps: {@link #recordEnd} writes the exit record before the process is
 * reaped; its output is drained; then the end is published, to the journal, to whoever waits and as
 * an event, but never before the answer to the Start that is under way. Thread-safe.
 */
final class ContainerProcess implements Keepers.Kept {
  /** Held by Start and Delete of this process, which exclude each other. */
  final Object step = new Object();

  private final Shared shared;
  private final Container container;
  private final String execId;
  private final Path folder;
  private volatile ProcessRecord record;
  private volatile ProcessStreams streams;
  private volatile ExitRecord exit;
  private volatile int pidfd = -1;
  private volatile boolean heldElsewhere;
  private volatile CompletableFuture<Void> startGate = CompletableFuture.completedFuture(null);

  /** Null where there is none. */
  private volatile Keeper keeper;

  private final CompletableFuture<ExitRecord> published = new CompletableFuture<>();

  ContainerProcess(Shared shared, Container container, Path folder, ProcessRecord record) {
    this.shared = shared;
    this.container = container;
    this.execId = record.getExecId();
    this.folder = folder;
    this.record = record;
  }

  String execId() {
    return execId;
  }

  @Override
  public Path folder() {
    return folder;
  }

  ProcessRecord record() {
    return record;
  }

  int pid() {
    return record.getPid();
  }

  Stage stage() {
    return record.getStage();
  }

  boolean isFirst() {
    return execId.isEmpty();
  }

  /** Null while it runs. */
  ExitRecord exit() {
    return exit;
  }

  /** Completes when its end is published. */
  CompletableFuture<ExitRecord> published() {
    return published;
  }

  ProcessStreams streams() {
    return streams;
  }

  void setStreams(ProcessStreams streams) {
    this.streams = streams;
  }

  /** Before the first thing that is to be kept; the next {@link #advance} has it on disk. */
  void joinKeeper() {
    become(shared.keepers().join(this));
  }

  /** The keeper that the record names; the next {@link #keep} makes good for one that is gone. */
  void rejoinKeeper() {
    keeper = shared.keepers().rejoin(this, record.getKeeperPid(), record.getKeeperStartTicks());
  }

  private void become(Keeper next) {
    keeper = next;
    record =
        record.toBuilder()
            .setKeeperPid(next == null ? 0 : next.pid())
            .setKeeperStartTicks(next == null ? 0 : next.startTicks())
            .build();
  }

  Keeper keeper() {
    return keeper;
  }

  /** Has the keeper hold what a successor could not have otherwise, as far as there is any yet. */
  void keep() {
    ProcessStreams open = streams;
    Keeper with = keeper;
    if (open == null || with == null) {
      return;
    }
    for (ProcessStreams.Holdable one : open.holdables()) {
      try {
        with.hold(folder + "/" + one.name(), one.descriptor());
      } catch (PosixException e) {
        System.err.println("not kept for " + this + ": " + e.getMessage());
      } finally {
        Posix.close(one.descriptor());
      }
    }
  }

  /** A duplicate of the terminal's master from the keeper, or -1. */
  int keptTerminal() {
    Keeper with = keeper;
    return with == null ? -1 : with.fetch(folder + "/terminal");
  }

  @Override
  public void lostKeeper() {
    synchronized (step) {
      if (exit != null) {
        return;
      }
      joinKeeper();
      keep();
      try {
        container.persist(this);
      } catch (TtrpcException e) {
        System.err.println(e.getMessage());
      }
      watchEnd();
    }
  }

  private void watchEnd() {
    Keeper with = keeper;
    if (with != null && pid() > 0) {
      with.watch(pid());
    }
  }

  ProcessStreams.Wanted wanted() {
    return new ProcessStreams.Wanted(
        record.getTerminal(),
        record.getStdin(),
        record.getStdout(),
        record.getStderr(),
        container.ioUid(),
        container.ioGid());
  }

  /** Keeps a step on disk before what follows it happens. */
  void advance(ProcessRecord.Builder next) throws TtrpcException {
    record = next.build();
    container.persist(this);
  }

  /**
   * As {@link #advance}, for a step that has happened and that a successor finds out by itself: a
   * full disk must not make a failure of it.
   */
  void advanceIfRoom(ProcessRecord.Builder next) {
    try {
      advance(next);
    } catch (TtrpcException e) {
      System.err.println(e.getMessage());
    }
  }

  /** A step that a successor finds out by itself: it is on disk with the next one. */
  void assume(Stage stage) {
    record = record.toBuilder().setStage(stage).build();
  }

  void advance(Stage stage) throws TtrpcException {
    advance(record.toBuilder().setStage(stage));
  }

  /** Holds the publication of an end back until {@link #endStart}. */
  CompletableFuture<Void> beginStart() {
    CompletableFuture<Void> gate = new CompletableFuture<>();
    startGate = gate;
    return gate;
  }

  /** The runtime left the pid in its file: identify, pin and watch the process. */
  void attachStarted(Stage stage, long sinceNanoTime) throws TtrpcException {
    int pid = readPid();
    if (stage == Stage.STARTED && takeEnd(pid, sinceNanoTime)) {
      return;
    }
    openPidfd(pid);
    Processes.Stat stat = Processes.stat(pid);
    ProcessRecord.Builder next =
        record.toBuilder()
            .setStage(stage)
            .setPid(pid)
            .setStartTimeTicks(stat == null ? 0 : stat.startTicks())
            .setBootId(shared.bootId());
    if (stage == Stage.STARTED) {
      advanceIfRoom(next);
    } else {
      advance(next);
    }
    watchEnd();
    shared.reaper().claim(pid, sinceNanoTime, this::ended);
  }

  /**
   * Whether it has ended before the runtime did. Then its end is written down at once, which says
   * more than a pin, and all else about it is in the runtime's file already.
   */
  private boolean takeEnd(int pid, long sinceNanoTime) {
    Reaper.Early end = shared.reaper().claimIfEnded(pid, sinceNanoTime);
    if (end == null) {
      return false;
    }
    record =
        record.toBuilder().setStage(Stage.STARTED).setPid(pid).setBootId(shared.bootId()).build();
    ended(end.status(), end.atNanos());
    return true;
  }

  private int readPid() throws TtrpcException {
    try {
      return Integer.parseInt(Files.readString(folder.resolve("pid")).trim());
    } catch (IOException | NumberFormatException e) {
      throw new TtrpcException(
          StatusCode.UNKNOWN, "the OCI runtime left no pid in " + folder.resolve("pid"), e);
    }
  }

  /** Makes the file that its pidfd is pinned on. */
  void preparePin() {
    try {
      if (!Files.exists(pin())) {
        Files.createFile(pin());
      }
    } catch (IOException e) {
      // Without it nothing is pinned, as on an older kernel.
    }
  }

  private Path pin() {
    return folder.resolve("pin");
  }

  private void openPidfd(int pid) {
    try {
      pidfd = Pidfd.open(pid);
      preparePin();
      Pidfd.pin(pidfd, pin().toString());
    } catch (IOException e) {
      // Without a pin (an older kernel) only the death of all of us would lose the status.
    }
  }

  void ended(int status, long atNanos) {
    recordEnd(status, atNanos, ExitSource.SHIM, "");
  }

  /** The first step of an end; idempotent. */
  void recordEnd(int status, long atNanos, ExitSource source, String reason) {
    synchronized (this) {
      if (exit != null) {
        return;
      }
      boolean oom = container.sawOom(status);
      ExitRecord record =
          ExitRecord.newBuilder()
              .setPid(pid())
              .setExitStatus(status)
              .setAtNanos(atNanos)
              .setSource(source)
              .setReason(reason)
              .setOomKilled(oom)
              .build();
      try {
        Bundle.write(folder.resolve("exit"), record, true);
      } catch (IOException e) {
        System.err.println("the exit of " + this + " could not be written: " + e.getMessage());
      }
      exit = record;
    }
    publishWhenDrained();
  }

  /** An end that a predecessor recorded or that the kernel remembers. */
  void restoreEnd(ExitRecord record) {
    exit = record;
    publishWhenDrained();
  }

  private void publishWhenDrained() {
    int handle = pidfd;
    pidfd = -1;
    Posix.close(handle);
    ProcessStreams open = streams;
    CompletableFuture<Void> drained =
        open == null ? CompletableFuture.completedFuture(null) : open.drained();
    drained.runAfterBoth(startGate, this::publish);
  }

  private void publish() {
    ExitRecord end = exit;
    Keeper with = keeper;
    if (with != null) {
      with.forget(end.getPid());
      if (record.getTerminal()) {
        // What it has left running is to be hung up as it would be without a keeper.
        with.release(folder + "/terminal", true);
      }
    }
    shared
        .journal()
        .add(
            Record.newBuilder()
                .setKind(RecordKind.EXIT)
                .setNamespace(container.namespace())
                .setContainerId(container.id())
                .setExecId(execId)
                .setPid(end.getPid())
                .setExitStatus(end.getExitStatus())
                .setAtNanos(end.getAtNanos())
                .setSource(end.getSource())
                .setReason(end.getReason())
                .setOomKilled(end.getOomKilled()));
    shared.announcer().exited(container.namespace(), container.id(), execId, end);
    published.complete(end);
  }

  /**
   * Sends a signal.
   *
   * @throws TtrpcException NOT_FOUND when it has ended
   */
  void signal(int signal) throws TtrpcException {
    int handle = pidfd;
    if (exit == null && pid() > 0) {
      int result = handle >= 0 ? Pidfd.signal(handle, signal) : signalByPid(signal);
      if (result == 0) {
        return;
      }
      if (result != -Errno.ESRCH) {
        throw new TtrpcException(
            StatusCode.INVALID_ARGUMENT, "signal " + signal + " cannot be sent to " + this);
      }
    }
    throw new TtrpcException(StatusCode.NOT_FOUND, "process already finished: " + this);
  }

  private int signalByPid(int signal) {
    Processes.Stat stat = Processes.stat(pid());
    boolean same = stat != null && stat.startTicks() == record.getStartTimeTicks();
    return same ? Processes.signal(pid(), signal) : -Errno.ESRCH;
  }

  boolean heldElsewhere() {
    return heldElsewhere;
  }

  void setHeldElsewhere() {
    heldElsewhere = true;
  }

  void setPidfd(int handle) {
    pidfd = handle;
  }

  int openPin() {
    return Posix.tryOpen(pin().toString(), Posix.O_RDONLY, 0);
  }

  void resize(int width, int height) throws TtrpcException {
    ProcessStreams open = streams;
    if (open == null || !open.hasTerminal()) {
      return;
    }
    open.resize(width, height);
  }

  void closeStdin() throws TtrpcException {
    ProcessStreams open = streams;
    if (open != null) {
      open.closeStdin();
      advance(record.toBuilder().setStdinClosed(true));
    }
  }

  void closeStreams() {
    ProcessStreams open = streams;
    if (open != null) {
      open.close().join();
    }
    Keeper with = keeper;
    keeper = null;
    if (with != null) {
      shared.keepers().leave(this, with);
    }
    int handle = pidfd;
    pidfd = -1;
    Posix.close(handle);
  }

  @Override
  public String toString() {
    String name = container.namespace() + "/" + container.id();
    return isFirst() ? name : name + " exec " + execId;
  }
}
