package dev.retainerd.runtime.shims;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ProcessIdentity;
import dev.retainerd.eventlog.proto.ShimAssignedPayload;
import dev.retainerd.eventlog.proto.ShimLostPayload;
import dev.retainerd.eventlog.proto.ShimReattachedPayload;
import dev.retainerd.eventlog.proto.ShimReplacedPayload;
import dev.retainerd.eventlog.proto.ShimStartFailedPayload;
import dev.retainerd.eventlog.proto.ShimStartedPayload;
import dev.retainerd.eventlog.proto.ShimStartingPayload;
import dev.retainerd.eventlog.proto.ShimStoppedPayload;
import dev.retainerd.eventlog.proto.ShimUnassignedPayload;
import dev.retainerd.eventlog.proto.ShimUnreachablePayload;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.proto.ShimEntry;
import dev.retainerd.store.proto.ShimPhase;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The node's shims: who lives where, one idle spare, reattachment after a restart, and replacement
 * of a dead one. Thread-safe.
 */
public final class Shims implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Shims.class);
  private static final Duration INFO_PATIENCE = Duration.ofMillis(1500);
  private static final Duration LOCK_PATIENCE = Duration.ofSeconds(60);
  private static final Duration RECORDS_WAIT = Duration.ofSeconds(20);
  private static final long RETRY_MILLIS = 250;
  private static final Duration REATTACH_PATIENCE = Duration.ofSeconds(8);

  /**
   * How shims are used.
   *
   * @param ownersPerShim how many pods one shim hosts, from 1
   * @param keepSpare whether an idle shim is kept started
   * @param holderSocket where shims send descriptors worth keeping
   * @param newId makes ids of shims
   */
  public record Settings(
      int ownersPerShim, boolean keepSpare, Path holderSocket, Supplier<String> newId) {}

  /** Where an owner lives, and the event that says so if it is new there. */
  public record Placement(String shimId, List<Event> events) {}

  /** What became of the shims at a start. */
  public record Reattached(int reattached, int replaced, int unreachable) {}

  private final Journal journal;
  private final ShimLauncher launcher;
  private final ShimConnector connector;
  private final Settings settings;
  private final Origin self;
  private final KeyLocks locks = new KeyLocks();
  private final ConcurrentHashMap<String, ShimCalls> connections = new ConcurrentHashMap<>();
  private final Map<String, String> placing = new HashMap<>();
  private final Set<String> following = ConcurrentHashMap.newKeySet();
  private final Object attached = new Object();
  private volatile BiConsumer<String, ShimRecord> recordSink = (shim, record) -> {};
  private volatile BiConsumer<String, ShimCalls> onAttached = (shim, calls) -> {};
  private volatile boolean closing;

  public Shims(
      Journal journal,
      ShimLauncher launcher,
      ShimConnector connector,
      Settings settings,
      Origin self) {
    this.journal = journal;
    this.launcher = launcher;
    this.connector = connector;
    this.settings = settings;
    this.self = self;
  }

  /** Sets who is told of exits and OOMs, on a thread of each shim's own. Before anything else. */
  public void onRecord(BiConsumer<String, ShimRecord> sink) {
    this.recordSink = sink;
  }

  /** Sets who is told when a shim has been (re)connected, before its records flow. */
  public void onAttached(BiConsumer<String, ShimCalls> action) {
    this.onAttached = action;
  }

  /**
   * Chooses a shim for {@code owner} ({@code NAMESPACE/ID}), starting one if need be. The events
   * are to be committed by the caller with its own next event; {@link #placed} must be called
   * afterwards in any case.
   */
  public Placement place(String owner) {
    Optional<String> lives = home(owner);
    if (lives.isPresent()) {
      return new Placement(lives.get(), List.of());
    }
    String shim = reserve(owner).orElseGet(() -> startFor(owner));
    return new Placement(
        shim,
        List.of(
            new Event.ShimAssigned(
                ShimAssignedPayload.newBuilder().setId(shim).setOwner(owner).build())));
  }

  /** Ends the reservation of {@link #place}: its events are committed, or never will be. */
  public void placed(String owner) {
    synchronized (placing) {
      placing.remove(owner);
    }
    keepSpare();
  }

  /** The shim that the owner lives in. */
  public Optional<String> home(String owner) {
    List<String> found = new ArrayList<>(1);
    journal
        .state()
        .forEach(
            Kind.SHIM,
            (key, shim) -> {
              if (shim.getOwnersList().contains(owner)) {
                found.add(shim.getId());
              }
            });
    return found.stream().findFirst();
  }

  /** The event that takes an owner out of its shim; empty where it lives in none. */
  public List<Event> leaving(String owner) {
    return home(owner)
        .<List<Event>>map(
            shim ->
                List.of(
                    new Event.ShimUnassigned(
                        ShimUnassignedPayload.newBuilder().setId(shim).setOwner(owner).build())))
        .orElse(List.of());
  }

  /**
   * The connection to a shim.
   *
   * @throws Refusal UNAVAILABLE while the shim does not answer
   */
  public ShimCalls calls(String shimId) {
    ShimCalls calls = connections.get(shimId);
    if (calls == null) {
      throw Refusal.unavailable(
          "shim "
              + shimId
              + " does not answer at the moment; its containers go on running, ask"
              + " again, or see the daemon's log");
    }
    return calls;
  }

  /**
   * Has a shim send what a successor would need to the holder; a failure costs only the successor's
   * terminals.
   */
  public void handOver(String shimId) {
    try {
      calls(shimId).sendDescriptors(settings.holderSocket());
    } catch (Refusal e) {
      LOG.warn("shim {} did not hand over its descriptors: {}", shimId, e.sentence());
    }
  }

  /**
   * The connection to the shim that something lives in, waiting a moment where that shim is just
   * being reattached or replaced.
   *
   * @param home says which shim it is now; asked again after each change
   * @throws Refusal UNAVAILABLE where no shim answers for it in time
   */
  public ShimCalls callsOf(Supplier<String> home) {
    long deadline = System.nanoTime() + REATTACH_PATIENCE.toNanos();
    synchronized (attached) {
      while (true) {
        String shimId = home.get();
        ShimCalls calls = connections.get(shimId);
        long left = (deadline - System.nanoTime()) / 1_000_000;
        if (calls != null || left <= 0 || isUnreachable(shimId)) {
          return calls(shimId);
        }
        try {
          attached.wait(left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw Refusal.cancelled("the wait for shim " + shimId + " was given up");
        }
      }
    }
  }

  private boolean isUnreachable(String shimId) {
    return journal
        .state()
        .get(Kind.SHIM.key("", shimId))
        .filter(shim -> shim.getPhase() == ShimPhase.SHIM_PHASE_UNREACHABLE)
        .isPresent();
  }

  private Optional<String> reserve(String owner) {
    synchronized (placing) {
      List<ShimEntry> room = new ArrayList<>();
      journal
          .state()
          .forEach(
              Kind.SHIM,
              (key, shim) -> {
                if (shim.getPhase() == ShimPhase.SHIM_PHASE_RUNNING
                    && connections.containsKey(shim.getId())
                    && load(shim) < settings.ownersPerShim()) {
                  room.add(shim);
                }
              });
      // The fullest first: a shim that empties can end.
      Optional<String> best =
          room.stream().max(Comparator.comparingInt(this::load)).map(ShimEntry::getId);
      best.ifPresent(shim -> placing.put(owner, shim));
      return best;
    }
  }

  private int load(ShimEntry shim) {
    long reserved = placing.values().stream().filter(shim.getId()::equals).count();
    return shim.getOwnersCount() + (int) reserved;
  }

  private String startFor(String owner) {
    // One starts at a time: those that wait may find room in it.
    try (KeyLocks.Held held = locks.hold("shim start", LOCK_PATIENCE)) {
      Optional<String> room = reserve(owner);
      if (room.isPresent()) {
        return room.get();
      }
      String id = start(false, "");
      return reserve(owner)
          .orElseThrow(() -> Refusal.unavailable("shim " + id + " ended right after its start"));
    }
  }

  /** Starts a spare in the background where none is idle, and ends idle ones beyond it. */
  public void keepSpare() {
    if (settings.keepSpare() && !closing) {
      Thread.ofVirtual().name("spare-shim").start(this::balanceSpares);
    }
  }

  private void balanceSpares() {
    try (KeyLocks.Held held = locks.hold("shim start", LOCK_PATIENCE)) {
      List<ShimEntry> idle;
      synchronized (placing) {
        idle = idle();
        // Two may go at once: they are taken off the list of candidates first.
        for (int i = 1; i < idle.size(); i++) {
          placing.put("ending " + idle.get(i).getId(), idle.get(i).getId());
        }
      }
      if (idle.isEmpty() && !closing) {
        start(true, "");
      }
      for (int i = 1; i < idle.size(); i++) {
        end(idle.get(i).getId());
      }
    } catch (RuntimeException e) {
      LOG.warn("the spare shim is not as it should be: {}", e.getMessage());
    }
  }

  /** Running shims in which nothing lives and nothing is about to. */
  private List<ShimEntry> idle() {
    List<ShimEntry> idle = new ArrayList<>();
    synchronized (placing) {
      journal
          .state()
          .forEach(
              Kind.SHIM,
              (key, shim) -> {
                if (shim.getPhase() == ShimPhase.SHIM_PHASE_RUNNING
                    && connections.containsKey(shim.getId())
                    && load(shim) == 0) {
                  idle.add(shim);
                }
              });
    }
    return idle;
  }

  private void end(String id) {
    try {
      calls(id).shutdown();
      journal.commit(
          self, "", new Event.ShimStopped(ShimStoppedPayload.newBuilder().setId(id).build()));
      forget(id);
    } finally {
      synchronized (placing) {
        placing.remove("ending " + id);
      }
    }
  }

  private String start(boolean spare, String adopts) {
    String id = settings.newId().get();
    journal.commit(
        self,
        "",
        new Event.ShimStarting(
            ShimStartingPayload.newBuilder()
                .setId(id)
                .setAddress(launcher.socket(id).toString())
                .setSpare(spare)
                .setAdopts(adopts)
                .build()));
    try {
      ShimCalls calls = launcher.start(id, connector);
      ShimCalls.Info info = calls.info(INFO_PATIENCE);
      journal.commit(
          self,
          "",
          new Event.ShimStarted(
              ShimStartedPayload.newBuilder()
                  .setId(id)
                  .setProcess(identity(info))
                  .setVersion(info.version())
                  .build()));
      attach(id, calls);
      return id;
    } catch (Refusal e) {
      journal.commit(
          self,
          "",
          new Event.ShimStartFailed(
              ShimStartFailedPayload.newBuilder().setId(id).setReason(e.sentence()).build()));
      throw e;
    }
  }

  private ProcessIdentity identity(ShimCalls.Info info) {
    return ProcessIdentity.newBuilder()
        .setBootId(dev.retainerd.runtime.linux.ProcessIdentity.currentBootId())
        .setPid(info.pid())
        .setStartTimeTicks(info.startTimeTicks())
        .build();
  }

  private void attach(String id, ShimCalls calls) {
    connections.put(id, calls);
    try {
      calls.sendDescriptors(settings.holderSocket());
    } catch (Refusal e) {
      LOG.warn("terminals under shim {} would not survive it: {}", id, e.sentence());
    }
    onAttached.accept(id, calls);
    synchronized (attached) {
      attached.notifyAll();
    }
    handOver(id);
    if (following.add(id)) {
      Thread.ofVirtual().name("shim-" + id).start(() -> follow(id, calls));
    }
  }

  /** Carries records until the connection ends, then finds out what became of the shim. */
  private void follow(String id, ShimCalls calls) {
    long since = 0;
    try {
      while (!closing) {
        for (ShimRecord record : calls.records(since, RECORDS_WAIT)) {
          recordSink.accept(id, record);
          since = Math.max(since, record.number());
        }
      }
    } catch (RuntimeException e) {
      LOG.info("the connection to shim {} ended: {}", id, e.getMessage());
    } finally {
      following.remove(id);
    }
    if (!closing && connections.remove(id, calls)) {
      calls.close();
      revive(id);
    }
  }

  /** After a lost connection: connects again, or replaces the shim if its process is gone. */
  private void revive(String id) {
    Key<ShimEntry> key = Kind.SHIM.key("", id);
    while (!closing) {
      Optional<ShimEntry> shim = journal.state().get(key);
      if (shim.isEmpty()) {
        return;
      }
      try {
        if (!isRunning(shim.get().getProcess())) {
          replace(shim.get(), "its process is gone");
          return;
        }
        if (reconnect(shim.get())) {
          return;
        }
      } catch (RuntimeException e) {
        LOG.warn("shim {}: {}", id, e.getMessage());
      }
      try {
        Thread.sleep(RETRY_MILLIS);
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  /** True when it answered and is attached. */
  private boolean reconnect(ShimEntry shim) {
    ShimCalls calls = null;
    try {
      calls = connector.connect(Path.of(shim.getAddress()));
      ShimCalls.Info info = calls.info(INFO_PATIENCE);
      journal.commit(
          self,
          "",
          new Event.ShimReattached(
              ShimReattachedPayload.newBuilder()
                  .setId(shim.getId())
                  .setContainers(info.containers().size())
                  .build()));
      attach(shim.getId(), calls);
      return true;
    } catch (Refusal e) {
      if (calls != null) {
        calls.close();
      }
      if (shim.getPhase() == ShimPhase.SHIM_PHASE_RUNNING) {
        journal.commit(
            self,
            "",
            new Event.ShimUnreachable(
                ShimUnreachablePayload.newBuilder()
                    .setId(shim.getId())
                    .setReason(e.sentence())
                    .build()));
      }
      return false;
    }
  }

  /** Puts a new shim in the place of one that is gone; its containers run on. */
  private void replace(ShimEntry gone, String reason) {
    String id = gone.getId();
    LOG.warn("shim {} is gone ({}); its containers are taken over", id, reason);
    if (gone.getProcess().getPid() == 0) {
      // Its daemon died between starting and recording it: it may live, unknown to the state.
      UnrecordedShims.end(Path.of(gone.getAddress()));
    }
    if (gone.getPhase() != ShimPhase.SHIM_PHASE_LOST) {
      journal.commit(
          self,
          "",
          new Event.ShimLost(ShimLostPayload.newBuilder().setId(id).setReason(reason).build()));
    }
    List<ShimCalls.Adoptee> adoptees = tasksOf(id);
    if (adoptees.isEmpty() && gone.getOwnersCount() == 0) {
      journal.commit(
          self, "", new Event.ShimStopped(ShimStoppedPayload.newBuilder().setId(id).build()));
      forget(id);
      keepSpare();
      return;
    }
    String successor;
    try (KeyLocks.Held held = locks.hold("shim start", LOCK_PATIENCE)) {
      successor = startAdopting(id, adoptees);
    }
    journal.commit(
        self,
        "",
        new Event.ShimReplaced(
            ShimReplacedPayload.newBuilder().setId(id).setSuccessor(successor).build()));
    attach(successor, connections.get(successor));
    forget(id);
  }

  private String startAdopting(String gone, List<ShimCalls.Adoptee> adoptees) {
    String id = settings.newId().get();
    journal.commit(
        self,
        "",
        new Event.ShimStarting(
            ShimStartingPayload.newBuilder()
                .setId(id)
                .setAddress(launcher.socket(id).toString())
                .setAdopts(gone)
                .build()));
    ShimCalls calls = launcher.start(id, connector);
    List<String> failed = calls.adopt(adoptees, settings.holderSocket());
    failed.forEach(f -> LOG.error("adopted with a loss: {}", f));
    journal.commit(
        self,
        "",
        new Event.ShimStarted(
            ShimStartedPayload.newBuilder()
                .setId(id)
                .setProcess(identity(calls.info(INFO_PATIENCE)))
                .setVersion(calls.info(INFO_PATIENCE).version())
                .build()));
    connections.put(id, calls);
    return id;
  }

  private List<ShimCalls.Adoptee> tasksOf(String shimId) {
    List<ShimCalls.Adoptee> found = new ArrayList<>();
    journal
        .state()
        .forEach(
            Kind.TASK,
            (Key<TaskEntry> key, TaskEntry task) -> {
              if (task.getShimId().equals(shimId)) {
                found.add(
                    new ShimCalls.Adoptee(key.namespace(), key.id(), Path.of(task.getBundle())));
              }
            });
    return found;
  }

  private void forget(String id) {
    ShimCalls calls = connections.remove(id);
    if (calls != null) {
      calls.close();
    }
    Folders.removeQuietly(launcher.folder(id));
  }

  /**
   * At the daemon's start: connects to every shim of the state, each beside the others; replaces
   * the dead; leaves those that do not answer to be retried. Returns when each has answered or used
   * up its patience.
   */
  public Reattached reattachAll() {
    List<ShimEntry> all = new ArrayList<>();
    journal.state().forEach(Kind.SHIM, (key, shim) -> all.add(shim));
    Set<String> results = new HashSet<>();
    int[] counts = new int[3];
    List<Thread> threads = new ArrayList<>();
    for (ShimEntry shim : all) {
      threads.add(
          Thread.ofVirtual()
              .name("reattach-" + shim.getId())
              .start(
                  () -> {
                    int outcome = reattach(shim);
                    synchronized (results) {
                      counts[outcome]++;
                    }
                  }));
    }
    for (Thread thread : threads) {
      try {
        thread.join(LOCK_PATIENCE);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    return new Reattached(counts[0], counts[1], counts[2]);
  }

  private int reattach(ShimEntry shim) {
    try {
      if (isRunning(shim.getProcess()) && reconnect(shim)) {
        return 0;
      }
      if (!isRunning(shim.getProcess())) {
        replace(shim, "its process was gone when the daemon started");
        return 1;
      }
    } catch (RuntimeException e) {
      LOG.error("shim {} could not be reattached: {}", shim.getId(), e.getMessage(), e);
    }
    Thread.ofVirtual().name("revive-" + shim.getId()).start(() -> revive(shim.getId()));
    return 2;
  }

  /** A shim whose start was cut short has no recorded identity: it is not one that may be used. */
  private static boolean isRunning(ProcessIdentity process) {
    try {
      return process.getPid() > 0
          && dev.retainerd.runtime.linux.ProcessIdentity.isRunning(
              new dev.retainerd.runtime.linux.ProcessIdentity(
                  process.getBootId(), process.getPid(), process.getStartTimeTicks()));
    } catch (java.io.IOException e) {
      throw Refusal.unavailable("/proc cannot be read: " + e.getMessage());
    }
  }

  /** After a reboot: no shim is left, nor anything that lived in one. */
  public void rebooted() {
    List<ShimEntry> all = new ArrayList<>();
    journal.state().forEach(Kind.SHIM, (key, shim) -> all.add(shim));
    for (ShimEntry shim : all) {
      List<Event> events = new ArrayList<>();
      if (shim.getPhase() != ShimPhase.SHIM_PHASE_LOST) {
        events.add(
            new Event.ShimLost(
                ShimLostPayload.newBuilder().setId(shim.getId()).setReason("NodeReboot").build()));
      }
      events.add(
          new Event.ShimStopped(ShimStoppedPayload.newBuilder().setId(shim.getId()).build()));
      journal.commit(self, "", events);
      Folders.removeQuietly(launcher.folder(shim.getId()));
    }
  }

  /**
   * Ends the shims that hold nothing, which nobody would miss, and the daemon's side of the other
   * connections; those shims go on.
   */
  @Override
  public void close() {
    closing = true;
    try (KeyLocks.Held held = locks.hold("shim start", LOCK_PATIENCE)) {
      idle().forEach(shim -> end(shim.getId()));
    } catch (RuntimeException e) {
      LOG.warn("an idle shim was not ended: {}", e.getMessage());
    }
    connections.values().forEach(ShimCalls::close);
  }
}
