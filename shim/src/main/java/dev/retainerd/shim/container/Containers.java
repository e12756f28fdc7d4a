package dev.retainerd.shim.container;

import dev.retainerd.shim.output.EventLoop;
import dev.retainerd.shim.output.LogSettings;
import dev.retainerd.shim.output.ProcessStreams;
import dev.retainerd.shim.output.Undelivered;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.process.OciRuntime;
import dev.retainerd.shim.process.Reaper;
import dev.retainerd.shim.protocol.DescriptorHolder;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.record.ContainerRecord;
import dev.retainerd.shim.wire.record.ExitRecord;
import dev.retainerd.shim.wire.record.ProcessRecord;
import dev.retainerd.shim.wire.record.RuntimeRecord;
import dev.retainerd.shim.wire.record.Stage;
import dev.retainerd.shim.wire.retain.AdoptOutcome;
import dev.retainerd.shim.wire.retain.BundleRef;
import dev.retainerd.shim.wire.retain.HeldContainer;
import dev.retainerd.shim.wire.runc.Options;
import dev.retainerd.shim.wire.task.CreateTaskRequest;
import dev.retainerd.shim.wire.task.ExecProcessRequest;
import dev.retainerd.shim.wire.task.StateResponse;
import dev.retainerd.shim.wire.task.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/**
 * All containers that one shim holds, by namespace and id. Thread-safe. Calls may block on the OCI
 * runtime, except {@link #state}, {@link #await}, {@link #held} and {@link #isEmpty}.
 */
public final class Containers {
  private final ConcurrentHashMap<String, Container> all = new ConcurrentHashMap<>();
  private final Shared shared;
  private final String runtimeRoot;

  /** Where terminals are held beside us; null where nowhere. */
  private volatile Path holder;

  /**
   * @param undelivered gets what a full disk has not taken of the output of a deleted container
   * @param runtimeRoot where OCI runtimes keep their state unless a Create says otherwise; each
   *     namespace has a folder of its own below it
   * @param runtimePatience how long one call of an OCI runtime may take before it is killed
   */
  public Containers(
      EventLoop loop,
      Reaper reaper,
      ExitJournal journal,
      Announcer announcer,
      Undelivered undelivered,
      String runtimeRoot,
      Duration runtimePatience) {
    this.shared =
        new Shared(
            loop,
            reaper,
            new Keepers(reaper, loop),
            undelivered,
            journal,
            announcer,
            bootId(),
            runtimePatience);
    this.runtimeRoot = runtimeRoot;
  }

  /** Names the run of the machine; a pid of another run means nothing. */
  public static String bootId() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).trim();
    } catch (IOException e) {
      return "";
    }
  }

  private static String key(String namespace, String id) {
    return namespace + "/" + id;
  }

  private Container get(String namespace, String id) throws TtrpcException {
    Container container = all.get(key(namespace, id));
    if (container == null) {
      throw new TtrpcException(
          StatusCode.NOT_FOUND, "container " + namespace + "/" + id + " is not held by this shim");
    }
    return container;
  }

  /**
   * Makes a container and its first process, whose pid it answers.
   *
   * @param starts whether the process also begins the user's program; else that is for {@link
   *     #start}
   */
  public int create(String namespace, CreateTaskRequest request, Options options, boolean starts)
      throws TtrpcException {
    Bundle.checkId("container", request.getId());
    Bundle.checkId("namespace", namespace);
    Bundle bundle = Bundle.of(request.getBundle());
    String root = options.getRoot().isEmpty() ? runtimeRoot : options.getRoot();
    ContainerRecord record =
        ContainerRecord.newBuilder()
            .setNamespace(namespace)
            .setId(request.getId())
            .setBundle(bundle.path().toString())
            .setInit(
                ProcessRecord.newBuilder()
                    .setTerminal(request.getTerminal())
                    .setStdin(request.getStdin())
                    .setStdout(request.getStdout())
                    .setStderr(request.getStderr()))
            .setRuntime(
                RuntimeRecord.newBuilder()
                    .setBinary(OciRuntime.find(options.getBinaryName()))
                    .setRoot(Path.of(root).resolve(namespace).toString())
                    .setSystemdCgroup(options.getSystemdCgroup())
                    .setNoPivotRoot(options.getNoPivotRoot())
                    .setNoNewKeyring(options.getNoNewKeyring())
                    .setIoUid(options.getIoUid())
                    .setIoGid(options.getIoGid())
                    .setCriuWorkPath(options.getCriuWorkPath()))
            .build();
    Container container = new Container(shared, bundle, record);
    if (all.putIfAbsent(key(namespace, request.getId()), container) != null) {
      throw new TtrpcException(
          StatusCode.ALREADY_EXISTS,
          "container " + namespace + "/" + request.getId() + " is held by this shim already");
    }
    try {
      container.create(request, starts);
      holdTerminal(container, container.first());
      return container.first().pid();
    } catch (TtrpcException | RuntimeException e) {
      all.remove(key(namespace, request.getId()), container);
      throw e;
    }
  }

  public int start(String namespace, String id, String execId) throws TtrpcException {
    Container container = get(namespace, id);
    if (execId.isEmpty()) {
      return container.start();
    }
    int pid = container.startExec(container.process(execId));
    holdTerminal(container, container.process(execId));
    return pid;
  }

  /** From now on terminals are handed to this holder as they are made. */
  public void holdAt(Path socket) {
    holder = socket;
  }

  /** Without a terminal's master its processes would be hung up when we die. */
  private void holdTerminal(Container container, ContainerProcess process) {
    Path socket = holder;
    if (socket == null || !process.record().getTerminal()) {
      return;
    }
    try (DescriptorHolder.Connection connection = DescriptorHolder.connect(socket)) {
      send(connection, container, process);
    } catch (PosixException e) {
      // No daemon at the moment: it asks for all of them when it is back.
    }
  }

  private void dropHeld(Container container, ContainerProcess process) {
    Path socket = holder;
    if (socket == null || !process.heldElsewhere()) {
      return;
    }
    try (DescriptorHolder.Connection connection = DescriptorHolder.connect(socket)) {
      connection.drop(
          process.isFirst()
              ? key(container.namespace(), container.id()) + "/"
              : Adoption.holdName(container, process, ""));
    } catch (PosixException e) {
      // A holder that is gone holds nothing.
    }
  }

  public void exec(String namespace, ExecProcessRequest request) throws TtrpcException {
    Container container = get(namespace, request.getId());
    ContainerProcess process = container.addExec(request);
    try {
      container.persist(process);
    } catch (TtrpcException e) {
      container.execs().remove(request.getExecId());
      throw e;
    }
  }

  /** As {@link #exec} and {@link #start}, with one step on disk less. */
  public int runExec(String namespace, ExecProcessRequest request) throws TtrpcException {
    get(namespace, request.getId()).addExec(request);
    return start(namespace, request.getId(), request.getExecId());
  }

  public void kill(String namespace, String id, String execId, int signal, boolean allProcesses)
      throws TtrpcException {
    Container container = get(namespace, id);
    container.kill(container.process(execId), signal, allProcesses);
  }

  public ExitRecord delete(String namespace, String id, String execId) throws TtrpcException {
    Container container = get(namespace, id);
    ContainerProcess process = container.process(execId);
    ExitRecord exit = container.delete(process);
    dropHeld(container, process);
    if (execId.isEmpty()) {
      all.remove(key(namespace, id), container);
    }
    return exit;
  }

  public void pause(String namespace, String id) throws TtrpcException {
    get(namespace, id).pause();
  }

  public void resume(String namespace, String id) throws TtrpcException {
    get(namespace, id).resume();
  }

  public void update(String namespace, String id, byte[] resources) throws TtrpcException {
    get(namespace, id).update(resources);
  }

  public void checkpoint(String namespace, String id, List<String> arguments, String path)
      throws TtrpcException {
    Container container = get(namespace, id);
    List<String> all = new ArrayList<>(arguments);
    all.add(id);
    container.runtime().patient().simple(container.bundle().folder(), all.toArray(new String[0]));
    shared.announcer().checkpointed(namespace, id, path);
  }

  public void resize(String namespace, String id, String execId, int width, int height)
      throws TtrpcException {
    get(namespace, id).process(execId).resize(width, height);
  }

  public void closeStdin(String namespace, String id, String execId) throws TtrpcException {
    get(namespace, id).process(execId).closeStdin();
  }

  public void reopenLog(String namespace, String id) throws TtrpcException {
    ProcessStreams streams = get(namespace, id).first().streams();
    if (streams != null) {
      streams.reopenLog();
    }
  }

  /** As {@link ProcessStreams#logSettings}, of the first process. */
  public LogSettings logSettings(String namespace, String id, Map<String, Long> changes)
      throws TtrpcException {
    ProcessStreams streams = get(namespace, id).first().streams();
    if (streams == null) {
      throw new TtrpcException(
          StatusCode.FAILED_PRECONDITION, "container " + id + " has no streams, and so no log");
    }
    return streams.logSettings(changes);
  }

  /** Copies of the output of the first process, from now on, for a client that attaches. */
  public void attach(String namespace, String id, String stdout, String stderr)
      throws TtrpcException {
    ProcessStreams streams = get(namespace, id).first().streams();
    if (streams == null) {
      throw new TtrpcException(
          StatusCode.FAILED_PRECONDITION, "container " + id + " has no streams to attach to");
    }
    streams.attach(stdout, stderr);
  }

  /** Completes with the end of a process once it is published. */
  public CompletableFuture<ExitRecord> await(String namespace, String id, String execId)
      throws TtrpcException {
    return get(namespace, id).process(execId).published();
  }

  /** A pid in the container, and the exec it is of; empty for others. */
  public record Member(int pid, String execId) {}

  public List<Member> members(String namespace, String id) throws TtrpcException {
    Container container = get(namespace, id);
    List<Member> members = new ArrayList<>();
    Cgroup cgroup = container.cgroup();
    for (int pid : cgroup == null ? List.<Integer>of() : cgroup.pids()) {
      String execId = "";
      for (ContainerProcess exec : container.execs().values()) {
        execId = exec.pid() == pid ? exec.execId() : execId;
      }
      members.add(new Member(pid, execId));
    }
    return members;
  }

  /** The pid of the first process; 0 before it has one. */
  public int firstPid(String namespace, String id) throws TtrpcException {
    return get(namespace, id).first().pid();
  }

  public Stats stats(String namespace, String id) throws TtrpcException {
    Cgroup cgroup = get(namespace, id).cgroup();
    if (cgroup == null) {
      throw new TtrpcException(
          StatusCode.FAILED_PRECONDITION, "container " + id + " has no cgroup any more");
    }
    return Stats.read(cgroup);
  }

  public StateResponse state(String namespace, String id, String execId) throws TtrpcException {
    Container container = get(namespace, id);
    ContainerProcess process = container.process(execId);
    StateResponse.Builder state =
        StateResponse.newBuilder()
            .setId(id)
            .setBundle(container.bundle().path().toString())
            .setPid(process.pid())
            .setStatus(container.status(process))
            .setStdin(process.record().getStdin())
            .setStdout(process.record().getStdout())
            .setStderr(process.record().getStderr())
            .setTerminal(process.record().getTerminal())
            .setExecId(execId);
    ExitRecord exit = process.exit();
    if (exit != null) {
      state.setExitStatus(exit.getExitStatus()).setExitedAt(time(exit.getAtNanos()));
    }
    return state.build();
  }

  public static dev.retainerd.shim.wire.known.Timestamp time(long nanos) {
    return dev.retainerd.shim.wire.known.Timestamp.newBuilder()
        .setSeconds(Math.floorDiv(nanos, 1_000_000_000L))
        .setNanos((int) Math.floorMod(nanos, 1_000_000_000L))
        .build();
  }

  /** The containers of a sandbox. */
  List<Container> group(String namespace, String sandboxId) {
    List<Container> group = new ArrayList<>();
    for (Container container : all.values()) {
      try {
        String of = SandboxGroup.of(container.bundle().path(), container.id());
        if (container.namespace().equals(namespace) && of.equals(sandboxId)) {
          group.add(container);
        }
      } catch (IOException e) {
        // Its bundle is going away, and it with it.
      }
    }
    return group;
  }

  /** Ends what this shim has started for its own sake and needs no more. */
  public void endHelp() {
    shared.keepers().endUseless();
  }

  public boolean isEmpty() {
    return all.isEmpty();
  }

  public List<HeldContainer> held() {
    List<HeldContainer> held = new ArrayList<>();
    for (Container container : all.values()) {
      Status status = container.status(container.first());
      boolean creating = container.first().stage().getNumber() < Stage.CREATED_VALUE;
      held.add(
          HeldContainer.newBuilder()
              .setNamespace(container.namespace())
              .setId(container.id())
              .setBundle(container.bundle().path().toString())
              .setPid(container.first().pid())
              .setStartTimeTicks(container.first().record().getStartTimeTicks())
              .setState(creating ? "creating" : status.name().toLowerCase(Locale.ROOT))
              .addAllExecIds(container.execs().keySet())
              .build());
    }
    return held;
  }

  /** Sends duplicates of all that has no name in the file system to a holder. */
  public List<String> sendDescriptors(Path socket) throws TtrpcException {
    holder = socket;
    List<String> names = new ArrayList<>();
    try (DescriptorHolder.Connection connection = DescriptorHolder.connect(socket)) {
      for (Container container : all.values()) {
        List<ContainerProcess> processes = new ArrayList<>(container.execs().values());
        processes.add(container.first());
        for (ContainerProcess process : processes) {
          names.addAll(send(connection, container, process));
        }
      }
    } catch (PosixException e) {
      throw new TtrpcException(StatusCode.UNAVAILABLE, e.getMessage(), e);
    }
    return names;
  }

  private static List<String> send(
      DescriptorHolder.Connection connection, Container container, ContainerProcess process)
      throws PosixException {
    List<String> names = new ArrayList<>();
    ProcessStreams streams = process.streams();
    if (streams == null || process.exit() != null) {
      return names;
    }
    PosixException failure = null;
    for (ProcessStreams.Holdable one : streams.holdables()) {
      String name = Adoption.holdName(container, process, one.name());
      try {
        if (failure == null) {
          connection.put(name, one.descriptor());
          process.setHeldElsewhere();
          names.add(name);
        }
      } catch (PosixException e) {
        failure = e;
      } finally {
        Posix.close(one.descriptor());
      }
    }
    if (failure != null) {
      throw failure;
    }
    return names;
  }

  /** Takes over containers of a shim that is gone; one that is held already is left as it is. */
  public List<AdoptOutcome> adopt(List<BundleRef> bundles, String holderSocket) {
    List<AdoptOutcome> outcomes = new ArrayList<>();
    for (BundleRef ref : bundles) {
      AdoptOutcome.Builder outcome =
          AdoptOutcome.newBuilder().setNamespace(ref.getNamespace()).setId(ref.getId());
      try {
        String key = key(ref.getNamespace(), ref.getId());
        Container held = all.get(key);
        if (held == null) {
          Adoption adoption = new Adoption(shared, Bundle.of(ref.getBundle()), holderSocket);
          held = adoption.adopt(ref.getNamespace(), ref.getId());
          outcome.setMessage(adoption.losses());
          if (all.putIfAbsent(key, held) != null) {
            held = all.get(key);
          }
        }
        outcome
            .setAdopted(true)
            .setPid(held.first().pid())
            .setState(held.status(held.first()).name().toLowerCase(Locale.ROOT));
      } catch (TtrpcException | RuntimeException e) {
        outcome.setMessage(String.valueOf(e.getMessage()));
      }
      outcomes.add(outcome.build());
    }
    return outcomes;
  }

  /** Who we are, together with {@link #bootId}. */
  public static int selfPid() {
    return (int) ProcessHandle.current().pid();
  }

  public static long selfStartTicks() {
    Processes.Stat stat = Processes.stat(selfPid());
    return stat == null ? 0 : stat.startTicks();
  }
}
