package dev.retainerd.shim.container;

import dev.retainerd.shim.output.ProcessStreams;
import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.process.Json;
import dev.retainerd.shim.process.OciRuntime;
import dev.retainerd.shim.process.StartReader;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.record.ContainerRecord;
import dev.retainerd.shim.wire.record.ExitRecord;
import dev.retainerd.shim.wire.record.ProcessRecord;
import dev.retainerd.shim.wire.record.Stage;
import dev.retainerd.shim.wire.retain.Record;
import dev.retainerd.shim.wire.retain.RecordKind;
import dev.retainerd.shim.wire.task.CreateTaskRequest;
import dev.retainerd.shim.wire.task.ExecProcessRequest;
import dev.retainerd.shim.wire.task.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One container of this shim.
 *
 * <pre>
 * creating --create--> created --start--> running &lt;--pause/resume--> paused
 *                         |                  |                          |
 *                         +------------------+--------- end ------------+--> stopped --delete--> gone
 * </pre>
 *
 * <p>Thread-safe. Create, Start and Delete of the container exclude each other; execs run beside
 * each other; Kill waits for nobody.
 */
final class Container {
  private static final long PUBLISH_WAIT_SECONDS = 20;

  private final Shared shared;
  private final Bundle bundle;
  private final OciRuntime runtime;
  private final ContainerProcess first;
  private final Map<String, ContainerProcess> execs = new ConcurrentHashMap<>();
  private final Object step = new Object();
  private volatile ContainerRecord record;
  private volatile Cgroup cgroup;
  private OomWatch oomWatch;
  private boolean oomRecorded;
  private long oomKillsSeen;

  Container(Shared shared, Bundle bundle, ContainerRecord record) {
    this.shared = shared;
    this.bundle = bundle;
    this.record = record;
    this.runtime = new OciRuntime(shared.reaper(), record.getRuntime(), shared.runtimePatience());
    this.first = new ContainerProcess(shared, this, bundle.folder(), record.getInit());
  }

  String namespace() {
    return record.getNamespace();
  }

  String id() {
    return record.getId();
  }

  Bundle bundle() {
    return bundle;
  }

  Cgroup cgroup() {
    return cgroup;
  }

  String runtimeRoot() {
    return record.getRuntime().getRoot();
  }

  OciRuntime runtime() {
    return runtime;
  }

  ContainerProcess first() {
    return first;
  }

  Map<String, ContainerProcess> execs() {
    return execs;
  }

  /**
   * The first process (empty id) or an exec.
   *
   * @throws TtrpcException NOT_FOUND for an exec that is not there
   */
  ContainerProcess process(String execId) throws TtrpcException {
    ContainerProcess process = execId.isEmpty() ? first : execs.get(execId);
    if (process == null) {
      throw new TtrpcException(
          StatusCode.NOT_FOUND, "exec " + execId + " is not known in " + namespace() + "/" + id());
    }
    return process;
  }

  /** The owner of the FIFOs of its processes. */
  int ioUid() {
    return record.getRuntime().getIoUid();
  }

  int ioGid() {
    return record.getRuntime().getIoGid();
  }

  void persist(ContainerProcess process) throws TtrpcException {
    try {
      if (process.isFirst()) {
        synchronized (this) {
          record = record.toBuilder().setInit(process.record()).build();
          Bundle.write(bundle.folder().resolve("container"), record, false);
        }
      } else {
        Bundle.write(process.folder().resolve("process"), process.record(), false);
      }
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  private void change(ContainerRecord.Builder next) throws TtrpcException {
    synchronized (this) {
      record = next.build();
      try {
        Bundle.write(bundle.folder().resolve("container"), record, false);
      } catch (IOException e) {
        throw cannotWrite(e);
      }
    }
  }

  private TtrpcException cannotWrite(IOException e) {
    return new TtrpcException(
        StatusCode.INTERNAL,
        "the record of "
            + namespace()
            + "/"
            + id()
            + " cannot be written to its bundle: "
            + e.getMessage(),
        e);
  }

  /**
   * Makes root, streams and the first process; undoes all of it when one fails.
   *
   * @param starts whether it is started as well; not for one that is restored
   */
  void create(CreateTaskRequest request, boolean starts) throws TtrpcException {
    String image = request.getCheckpoint();
    if (!image.isEmpty() && (starts || !Files.isDirectory(Path.of(image)))) {
      throw new TtrpcException(
          StatusCode.INVALID_ARGUMENT,
          starts
              ? "a container is restored by Create and Start, one after the other"
              : "the checkpoint " + image + " is no folder");
    }
    synchronized (step) {
      CompletableFuture<Void> gate = first.beginStart();
      try {
        Files.createDirectories(bundle.folder());
        first.joinKeeper();
        first.advance(Stage.CREATING);
        if (image.isEmpty()) {
          create(request, starts ? Stage.STARTING : Stage.CREATED);
        } else {
          mountRoot(request);
          // A restored process runs at once: that is for Start to do.
          change(record.toBuilder().setRestoreFrom(image));
          first.advance(Stage.CREATED);
          shared.announcer().created(namespace(), request, first.pid());
        }
      } catch (TtrpcException | RuntimeException e) {
        undoCreate();
        throw e;
      } catch (IOException e) {
        undoCreate();
        throw cannotWrite(e);
      } finally {
        gate.complete(null);
      }
    }
  }

  /** Makes the first process, and lets it go where it is to reach that stage. */
  private void create(CreateTaskRequest request, Stage reached) throws TtrpcException {
    boolean starts = reached == Stage.STARTING;
    StartReader[] reader = {null};
    try {
      launch(
          first,
          reached,
          () -> mountRoot(request),
          () -> reader[0] = starts ? startReader() : null);
      watchMemory();
      shared.announcer().created(namespace(), request, first.pid());
      if (starts) {
        letGo(reader[0]);
      }
    } finally {
      if (reader[0] != null) {
        reader[0].close();
      }
    }
  }

  private StartReader startReader() {
    return runtime.startReader(id(), bundle.path(), bundle.folder());
  }

  private void letGo(StartReader reader) throws TtrpcException {
    runtime.start(id(), bundle.folder(), reader, first.pid());
    started();
  }

  /** A successor sees by itself that it has begun: that is on disk with the next step only. */
  private void started() {
    first.assume(Stage.STARTED);
    shared.announcer().started(namespace(), id(), "", first.pid());
  }

  private void mountRoot(CreateTaskRequest request) throws TtrpcException {
    if (request.getRootfsCount() > 0) {
      change(record.toBuilder().setRootfsMounted(true));
      RootMounts.mountAll(request.getRootfsList(), bundle.rootfs());
    }
  }

  /** A step that may be refused. */
  private interface Step {
    void run() throws TtrpcException;
  }

  /**
   * Opens its streams and has the runtime make it.
   *
   * @param before done while the streams are opened
   * @param meanwhile done while the runtime creates a container; not for execs and restored ones
   */
  private void launch(ContainerProcess process, Stage reached, Step before, Runnable meanwhile)
      throws TtrpcException {
    ProcessStreams.Opening opening =
        ProcessStreams.begin(
            shared.loop(),
            process.folder(),
            process.wanted(),
            ProcessStreams.Stdin.NEW,
            shared.undelivered());
    try {
      before.run();
    } catch (TtrpcException | RuntimeException e) {
      opening.giveUp();
      throw e;
    }
    ProcessStreams streams = opening.await();
    process.setStreams(streams);
    boolean made = process.isFirst() && record.getRestoreFrom().isEmpty();
    if (!made) {
      // It writes as soon as it is there.
      process.keep();
    }
    long since = System.nanoTime();
    try (Console console = process.record().getTerminal() ? new Console(process.folder()) : null) {
      int[] stdio = streams.forProcess();
      String socket = console == null ? "" : console.name();
      if (made) {
        runtime.create(
            id(),
            bundle.path(),
            process.folder(),
            socket,
            stdio,
            () -> {
              process.keep();
              process.preparePin();
              meanwhile.run();
            });
      } else if (process.isFirst()) {
        runtime.restore(
            id(), bundle.path(), process.folder(), socket, stdio, record.getRestoreFrom());
      } else {
        runtime.exec(id(), process.folder(), socket, stdio);
      }
      if (console != null) {
        int master = console.receive();
        streams.attachTerminal(master);
        process.keep();
      }
      streams.givenAway();
      process.attachStarted(reached, since);
    } catch (PosixException e) {
      streams.close();
      throw new TtrpcException(StatusCode.FAILED_PRECONDITION, e.getMessage(), e);
    } catch (TtrpcException | RuntimeException e) {
      streams.close();
      throw e;
    }
  }

  /** Takes away what a create that failed, or that its shim did not survive, has left. */
  void undoCreate() {
    try {
      runtime.hurried().simple(bundle.folder(), "delete", "--force", id());
    } catch (TtrpcException e) {
      // Most likely the runtime never knew it.
    }
    HalfMade.remove(bundle, record);
    first.closeStreams();
    removeRest();
  }

  private void removeRest() {
    if (record.getRootfsMounted()) {
      RootMounts.unmountAll(bundle.rootfs());
    }
    try {
      bundle.remove("");
    } catch (IOException e) {
      System.err.println("what shims keep in " + bundle.path() + " stays: " + e.getMessage());
    }
  }

  void watchMemory() {
    cgroup = Cgroup.of(first.pid());
    oomWatch = OomWatch.start(shared.loop(), cgroup, this::oomStruck);
  }

  private void oomStruck() {
    synchronized (shared.journal()) {
      long kills = cgroup == null ? 0 : cgroup.oomKills();
      // The bell rings once for each time the limit is hit; the counter may still lag behind.
      if (oomRecorded && kills <= oomKillsSeen) {
        return;
      }
      oomRecorded = true;
      oomKillsSeen = kills;
      Instant now = Instant.now();
      shared
          .journal()
          .add(
              Record.newBuilder()
                  .setKind(RecordKind.OOM)
                  .setNamespace(namespace())
                  .setContainerId(id())
                  .setAtNanos(now.getEpochSecond() * 1_000_000_000L + now.getNano())
                  .setCgroup(cgroup == null ? "" : cgroup.name()));
    }
    shared.announcer().outOfMemory(namespace(), id());
  }

  /** Asked at each end: whether memory was its cause; the OOM is on record before the end then. */
  boolean sawOom(int status) {
    Cgroup known = cgroup;
    if (known == null || status != 128 + Processes.SIGKILL) {
      return false;
    }
    if (known.oomKills() > 0) {
      oomStruck();
      return true;
    }
    return false;
  }

  Status status(ContainerProcess process) {
    if (process.exit() != null) {
      return Status.STOPPED;
    }
    if (process.isFirst() && record.getPaused()) {
      return Status.PAUSED;
    }
    return process.stage() == Stage.STARTED ? Status.RUNNING : Status.CREATED;
  }

  /** Starts the first process and answers its pid. */
  int start() throws TtrpcException {
    synchronized (step) {
      if (first.exit() != null || first.stage() != Stage.CREATED) {
        throw refuse("Start", status(first), "it can be started once, after Create");
      }
      CompletableFuture<Void> gate = first.beginStart();
      try {
        first.advance(Stage.STARTING);
        try {
          if (awaitsRestore()) {
            launch(first, Stage.STARTING, () -> {}, () -> {});
            watchMemory();
            started();
          } else {
            try (StartReader reader = startReader()) {
              letGo(reader);
            }
          }
        } catch (TtrpcException e) {
          first.advance(Stage.CREATED);
          throw e;
        }
        return first.pid();
      } finally {
        gate.complete(null);
      }
    }
  }

  /** Made from a checkpoint and not started: it has no process at all. */
  boolean awaitsRestore() {
    return !record.getRestoreFrom().isEmpty() && first.pid() == 0;
  }

  /** Notes an exec, not on disk yet; {@link #startExec} runs it. */
  ContainerProcess addExec(ExecProcessRequest request) throws TtrpcException {
    Bundle.checkId("exec", request.getExecId());
    requireRunning("Exec");
    ProcessRecord exec =
        ProcessRecord.newBuilder()
            .setExecId(request.getExecId())
            .setStage(Stage.CREATED)
            .setTerminal(request.getTerminal())
            .setStdin(request.getStdin())
            .setStdout(request.getStdout())
            .setStderr(request.getStderr())
            .build();
    ContainerProcess process =
        new ContainerProcess(shared, this, bundle.folder(request.getExecId()), exec);
    if (execs.putIfAbsent(request.getExecId(), process) != null) {
      throw new TtrpcException(
          StatusCode.ALREADY_EXISTS, "id " + request.getExecId() + " is taken in " + id());
    }
    try {
      Files.createDirectories(process.folder());
      Files.write(
          process.folder().resolve("spec.json"), request.getSpec().getValue().toByteArray());
    } catch (IOException e) {
      execs.remove(request.getExecId());
      throw cannotWrite(e);
    }
    shared.announcer().execAdded(namespace(), id(), request.getExecId());
    return process;
  }

  int startExec(ContainerProcess process) throws TtrpcException {
    synchronized (process.step) {
      requireRunning("Exec");
      if (process.exit() != null || process.stage() != Stage.CREATED) {
        throw refuse("Start of exec " + process.execId(), status(process), "it was started before");
      }
      CompletableFuture<Void> gate = process.beginStart();
      try {
        process.joinKeeper();
        process.advance(Stage.STARTING);
        launch(process, Stage.STARTED, () -> {}, () -> {});
        shared.announcer().started(namespace(), id(), process.execId(), process.pid());
        return process.pid();
      } catch (TtrpcException | RuntimeException e) {
        process.advance(Stage.DELETING);
        throw e;
      } finally {
        gate.complete(null);
      }
    }
  }

  private void requireRunning(String call) throws TtrpcException {
    Status status = status(first);
    if (status != Status.RUNNING) {
      throw refuse(call, status, "it must be running");
    }
  }

  private TtrpcException refuse(String call, Status status, String mend) {
    return new TtrpcException(
        StatusCode.FAILED_PRECONDITION,
        call
            + ": container "
            + namespace()
            + "/"
            + id()
            + " is "
            + status.name().toLowerCase(java.util.Locale.ROOT)
            + "; "
            + mend);
  }

  void kill(ContainerProcess process, int signal, boolean all) throws TtrpcException {
    if (all && process.isFirst()) {
      killAll(signal);
    } else {
      process.signal(signal);
    }
    if (signal == Processes.SIGKILL && record.getPaused()) {
      // A frozen process does not die before it is thawed.
      resume();
    }
  }

  private void killAll(int signal) throws TtrpcException {
    Cgroup known = cgroup;
    List<Integer> pids = known == null ? List.of() : known.pids();
    for (int pid : pids) {
      Processes.signal(pid, signal);
    }
    if (pids.isEmpty() && first.exit() == null) {
      first.signal(signal);
    }
  }

  void pause() throws TtrpcException {
    synchronized (step) {
      requireRunning("Pause");
      runtime.simple(bundle.folder(), "pause", id());
      change(record.toBuilder().setPaused(true));
      shared.announcer().paused(namespace(), id());
    }
  }

  void resume() throws TtrpcException {
    synchronized (step) {
      runtime.simple(bundle.folder(), "resume", id());
      change(record.toBuilder().setPaused(false));
      shared.announcer().resumed(namespace(), id());
    }
  }

  void update(byte[] resources) throws TtrpcException {
    Path file = bundle.folder().resolve("resources-" + System.nanoTime() + ".json");
    try {
      Files.write(file, resources);
      runtime.simple(bundle.folder(), "update", "--resources", file.toString(), id());
    } catch (IOException e) {
      throw cannotWrite(e);
    } finally {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        // It goes with the container.
      }
    }
  }

  /** Removes a process that has ended, or was never started. */
  ExitRecord delete(ContainerProcess process) throws TtrpcException {
    return process.isFirst() ? deleteAll() : deleteExec(process);
  }

  private ExitRecord deleteExec(ContainerProcess process) throws TtrpcException {
    synchronized (process.step) {
      ExitRecord exit = endOf(process);
      process.closeStreams();
      execs.remove(process.execId());
      try {
        bundle.remove(process.execId());
      } catch (IOException e) {
        throw cannotWrite(e);
      }
      shared.journal().remove(namespace(), id(), process.execId());
      return exit;
    }
  }

  private ExitRecord deleteAll() throws TtrpcException {
    synchronized (step) {
      if (first.exit() == null && first.stage() == Stage.CREATED && !awaitsRestore()) {
        first.signal(Processes.SIGKILL);
        awaitEnd(first);
      }
      ExitRecord exit = endOf(first);
      if (sharesPids()) {
        // Without a pid namespace of its own its other processes outlive the first one.
        killAll(Processes.SIGKILL);
      }
      runtime.simple(bundle.folder(), "delete", "--force", id());
      for (ContainerProcess exec : execs.values()) {
        exec.closeStreams();
      }
      first.closeStreams();
      if (oomWatch != null) {
        oomWatch.close();
      }
      removeRest();
      shared.journal().remove(namespace(), id(), null);
      shared.announcer().deleted(namespace(), id(), "", exit);
      return exit;
    }
  }

  /**
   * The end of a process that is to be deleted; a failed or never started exec has a made-up one.
   */
  private ExitRecord endOf(ContainerProcess process) throws TtrpcException {
    if (process.exit() == null) {
      boolean never = process.isFirst() ? awaitsRestore() : process.stage() != Stage.STARTED;
      if (never) {
        return ExitRecord.newBuilder().setAtNanos(System.currentTimeMillis() * 1_000_000).build();
      }
      throw refuse("Delete", status(process), "kill it first");
    }
    awaitEnd(process);
    return process.exit();
  }

  private void awaitEnd(ContainerProcess process) throws TtrpcException {
    try {
      process.published().get(PUBLISH_WAIT_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new TtrpcException(
          StatusCode.DEADLINE_EXCEEDED, process + " did not end within 20 s; try again", e);
    } catch (InterruptedException | java.util.concurrent.ExecutionException e) {
      throw new TtrpcException(StatusCode.INTERNAL, "waiting for " + process + " failed", e);
    }
  }

  private boolean sharesPids() {
    try {
      Object spec = Json.parse(Files.readString(bundle.path().resolve("config.json")));
      if (Json.get(spec, "linux", "namespaces") instanceof List<?> all) {
        for (Object one : all) {
          if ("pid".equals(Json.get(one, "type"))) {
            return Json.get(one, "path") instanceof String path && !path.isEmpty();
          }
        }
      }
      return true;
    } catch (IOException | IllegalArgumentException e) {
      return false;
    }
  }
}
