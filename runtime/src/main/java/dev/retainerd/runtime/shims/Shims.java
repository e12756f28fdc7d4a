package dev.retainerd.runtime.shims;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ShimAssignedPayload;
import dev.retainerd.eventlog.proto.ShimLostPayload;
import dev.retainerd.eventlog.proto.ShimUnassignedPayload;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.proto.ShimEntry;
import dev.retainerd.store.proto.ShimPhase;
import dev.retainerd.store.state.Kind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The node's shims: who lives where, one idle spare, and the doors to their lines and successions.
 * Thread-safe.
 */
public final class Shims implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Shims.class);
  private static final Duration LOCK_PATIENCE = Duration.ofSeconds(60);

  /** One starts at a time: those that wait may find room in it. */
  static final String START_LOCK = "shim start";

  /** Names in {@link #placing} that are no owners: an owner's name holds a slash and no blank. */
  private static final String ENDING = "ending ";

  private static final String HEIR_OF = "heir of ";

  /**
   * How shims are used.
   *
   * @param ownersPerShim how many pods one shim hosts, from 1
   * @param keepSpare whether an idle shim is kept started
   * @param idlePatience how long one more that has become empty is kept for the next owner
   * @param holderSocket where shims send descriptors worth keeping
   * @param newId makes ids of shims
   * @param silence how long a shim may answer nothing before it is replaced
   */
  public record Settings(
      int ownersPerShim,
      boolean keepSpare,
      Duration idlePatience,
      Path holderSocket,
      Supplier<String> newId,
      Duration silence) {}

  /** Where an owner lives, and the event that says so if it is new there. */
  public record Placement(String shimId, List<Event> events) {}

  /** What became of the shims at a start. */
  public record Reattached(int reattached, int replaced, int unreachable) {}

  private final Journal journal;
  private final ShimBirths births;
  private final ShimLines lines;
  private final Successions successions;
  private final Settings settings;
  private final Origin self;
  private final KeyLocks locks = new KeyLocks();
  private final Map<String, String> placing = new HashMap<>();
  private final IdleShims idleShims;
  private final AtomicBoolean balancesAgain = new AtomicBoolean();

  public Shims(
      Journal journal,
      ShimLauncher launcher,
      ShimConnector connector,
      Settings settings,
      Origin self) {
    this.journal = journal;
    this.settings = settings;
    this.idleShims = new IdleShims(settings.keepSpare() ? 1 : 0, settings.idlePatience());
    this.self = self;
    this.births = new ShimBirths(journal, launcher, connector, settings.newId(), self);
    this.lines = new ShimLines(settings.holderSocket(), this::isUnreachable);
    this.successions =
        new Successions(
            journal, births, lines, settings, self, locks, this::takeSpare, this::succeeded);
    lines.onLost(successions::revive);
  }

  /** Sets who is told of exits and OOMs, on a thread of each shim's own. Before anything else. */
  public void onRecord(BiConsumer<String, ShimRecord> sink) {
    lines.onRecord(sink);
  }

  /** Sets who is told when a shim has been (re)connected, before its records flow. */
  public void onAttached(BiConsumer<String, ShimCalls> action) {
    lines.onAttached(action);
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

  /**
   * Chooses another shim for {@code owner} than the one that lets it wait, and in which nothing of
   * it lives; as {@link #place}.
   */
  public Placement placeAnew(String owner) {
    List<Event> events = new ArrayList<>(leaving(owner));
    String shim = reserve(owner).orElseGet(() -> startFor(owner));
    events.add(
        new Event.ShimAssigned(
            ShimAssignedPayload.newBuilder().setId(shim).setOwner(owner).build()));
    return new Placement(shim, events);
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
    return all().stream()
        .filter(shim -> shim.getOwnersList().contains(owner))
        .map(ShimEntry::getId)
        .findFirst();
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
   * The line to a shim.
   *
   * @throws Refusal UNAVAILABLE while the shim does not answer
   */
  public ShimCalls calls(String shimId) {
    return lines.calls(shimId);
  }

  /**
   * The line to the shim that something lives in, waiting a moment where that shim is just being
   * reattached or replaced.
   *
   * @param home says which shim it is now; asked again after each change
   * @throws Refusal UNAVAILABLE where no shim answers for it in time
   */
  public ShimCalls callsOf(Supplier<String> home) {
    return lines.callsOf(home);
  }

  /** Every shim of the state, as it stands there. */
  public List<ShimEntry> all() {
    List<ShimEntry> all = new ArrayList<>();
    journal.state().forEach(Kind.SHIM, (key, shim) -> all.add(shim));
    return all;
  }

  private boolean isUnreachable(String shimId) {
    return journal
        .state()
        .get(Kind.SHIM.key("", shimId))
        .filter(shim -> shim.getPhase() == ShimPhase.SHIM_PHASE_UNREACHABLE)
        .isPresent();
  }

  /** The fullest that has room and answers: a shim that empties can end. */
  private Optional<String> reserve(String owner) {
    synchronized (placing) {
      Optional<String> best =
          usable().stream()
              .filter(shim -> load(shim) < settings.ownersPerShim() && lines.takes(shim.getId()))
              .max(Comparator.comparingInt(this::load))
              .map(ShimEntry::getId);
      best.ifPresent(shim -> placing.put(owner, shim));
      return best;
    }
  }

  private List<ShimEntry> usable() {
    return all().stream()
        .filter(
            shim ->
                shim.getPhase() == ShimPhase.SHIM_PHASE_RUNNING
                    && shim.getAdopts().isEmpty()
                    && lines.has(shim.getId())
                    && !isPromised(shim.getId()))
        .toList();
  }

  /** Whether it is about to be ended, or to become an heir: nobody may move in any more. */
  private boolean isPromised(String id) {
    return placing.entrySet().stream()
        .anyMatch(
            place ->
                place.getValue().equals(id)
                    && (place.getKey().startsWith(ENDING) || place.getKey().startsWith(HEIR_OF)));
  }

  private int load(ShimEntry shim) {
    long reserved = placing.values().stream().filter(shim.getId()::equals).count();
    return shim.getOwnersCount() + (int) reserved;
  }

  private String startFor(String owner) {
    try (KeyLocks.Held held = locks.hold(START_LOCK, LOCK_PATIENCE)) {
      Optional<String> room = reserve(owner);
      if (room.isPresent()) {
        return room.get();
      }
      String id = start(false);
      return reserve(owner)
          .orElseThrow(() -> Refusal.unavailable("shim " + id + " ended right after its start"));
    }
  }

  private String start(boolean spare) {
    ShimBirths.Born born = births.start(spare, "");
    lines.attach(born.id(), born.calls());
    return born.id();
  }

  /**
   * Starts a spare in the background where none is idle, and ends idle ones beyond it and beyond
   * the one that waits for the next owner.
   */
  public void keepSpare() {
    if (!lines.isClosing()) {
      Thread.ofVirtual().name("spare-shim").start(this::balanceSpares);
    }
  }

  /** One wait at a time: whoever comes meanwhile is judged at its end as well. */
  private void balanceAgain(Duration after) {
    if (!balancesAgain.compareAndSet(false, true)) {
      return;
    }
    Thread.ofVirtual()
        .name("idle-shim")
        .start(
            () -> {
              try {
                Thread.sleep(after);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
              } finally {
                balancesAgain.set(false);
              }
              keepSpare();
            });
  }

  private void balanceSpares() {
    try (KeyLocks.Held held = locks.hold(START_LOCK, LOCK_PATIENCE)) {
      List<ShimEntry> idle;
      IdleShims.Verdict verdict;
      synchronized (placing) {
        idle = idle();
        verdict = idleShims.judge(idle, System.nanoTime());
        // Several may go at once: they are taken off the list of candidates first.
        verdict.toEnd().forEach(id -> placing.put(ENDING + id, id));
      }
      if (settings.keepSpare() && idle.isEmpty() && !lines.isClosing()) {
        start(true);
      }
      verdict.toEnd().forEach(this::end);
      verdict.askAgain().ifPresent(this::balanceAgain);
    } catch (RuntimeException e) {
      LOG.warn("the spare shim is not as it should be: {}", e.getMessage());
    }
  }

  /** Running shims in which nothing lives and nothing is about to. */
  private List<ShimEntry> idle() {
    synchronized (placing) {
      return usable().stream().filter(shim -> load(shim) == 0).toList();
    }
  }

  /** Nobody else is placed in it while the state does not say yet whose heir it is. */
  private Optional<ShimEntry> takeSpare(String gone) {
    synchronized (placing) {
      Optional<ShimEntry> spare = idle().stream().findFirst();
      spare.ifPresent(shim -> placing.put(HEIR_OF + gone, shim.getId()));
      return spare;
    }
  }

  private void succeeded() {
    synchronized (placing) {
      placing
          .keySet()
          .removeIf(
              name ->
                  name.startsWith(HEIR_OF)
                      && journal
                          .state()
                          .get(Kind.SHIM.key("", name.substring(HEIR_OF.length())))
                          .isEmpty());
    }
    keepSpare();
  }

  private void end(String id) {
    try {
      calls(id).shutdown();
      lines.forget(id);
      births.stopped(id);
    } finally {
      synchronized (placing) {
        placing.remove(ENDING + id);
      }
    }
  }

  /** The version that is installed: that of a shim started now. */
  public String installedVersion() {
    return births.launcher().version();
  }

  /**
   * Replaces a shim by one of the installed version; its containers run on, and calls only wait.
   *
   * @return the successor's id; "" where nothing lived in it, and it was ended
   * @throws Refusal where it could not; it goes on then
   */
  public String upgrade(String id) {
    return successions.upgrade(id, "it gives way to version " + installedVersion());
  }

  /**
   * At the daemon's start: connects to every shim of the state, each beside the others; replaces
   * the dead; leaves those that do not answer to be retried. Returns when each has answered or used
   * up its patience.
   */
  public Reattached reattachAll() {
    int[] counts = new int[3];
    List<Thread> threads = new ArrayList<>();
    for (ShimEntry shim : all()) {
      threads.add(
          Thread.ofVirtual()
              .name("reattach-" + shim.getId())
              .start(
                  () -> {
                    int outcome = successions.reattach(shim);
                    synchronized (counts) {
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
    synchronized (counts) {
      return new Reattached(counts[0], counts[1], counts[2]);
    }
  }

  /** After a reboot: no shim is left, nor anything that lived in one. */
  public void rebooted() {
    for (ShimEntry shim : all()) {
      if (shim.getPhase() != ShimPhase.SHIM_PHASE_LOST) {
        journal.commit(
            self,
            "",
            new Event.ShimLost(
                ShimLostPayload.newBuilder().setId(shim.getId()).setReason("NodeReboot").build()));
      }
      births.stopped(shim.getId());
    }
  }

  /**
   * Ends the shims that hold nothing, which nobody would miss, and the daemon's side of the other
   * lines; those shims go on.
   */
  @Override
  public void close() {
    lines.beginClosing();
    try (KeyLocks.Held held = locks.hold(START_LOCK, LOCK_PATIENCE)) {
      idle().forEach(shim -> end(shim.getId()));
    } catch (RuntimeException e) {
      LOG.warn("an idle shim was not ended: {}", e.getMessage());
    }
    lines.close();
  }
}
