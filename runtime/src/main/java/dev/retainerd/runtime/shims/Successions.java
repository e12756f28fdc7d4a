package dev.retainerd.runtime.shims;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ShimAdoptingPayload;
import dev.retainerd.eventlog.proto.ShimLostPayload;
import dev.retainerd.eventlog.proto.ShimReattachedPayload;
import dev.retainerd.eventlog.proto.ShimReplacedPayload;
import dev.retainerd.eventlog.proto.ShimRetiredPayload;
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
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What becomes of a shim whose line has ended, and of the containers of one that is gone, that
 * answers nothing any more, or that is to give way to a newer version. Thread-safe; what happens to
 * one shim happens one after the other.
 *
 * <pre>
 * gone:       [ShimLost]    -> heir -> adopt -> ShimReplaced -> its line opens, intents are settled
 * silent:     [ShimRetired] -> its process is killed -> as above
 * for a newer version: heir -> its calls finish -> [ShimRetired] -> killed -> adopt -> ShimReplaced
 * </pre>
 *
 * <p>The heir is the idle spare where there is one ({@code ShimAdopting}), else a shim that is
 * started for it. Whichever it is, the state says so before it touches a container, so that a
 * daemon that dies in between has the same heir go on.
 */
final class Successions {
  private static final Logger LOG = LoggerFactory.getLogger(Successions.class);
  private static final Duration LOCK_PATIENCE = Duration.ofSeconds(60);
  private static final Duration CALLS_PATIENCE = Duration.ofSeconds(30);

  /** A process that is killed closes its sockets before it is gone; that is not silence. */
  private static final Duration ENDING = Duration.ofMillis(500);

  private static final long RETRY_MILLIS = 250;

  private final Journal journal;
  private final ShimBirths births;
  private final ShimLines lines;
  private final Shims.Settings settings;
  private final Origin self;
  private final KeyLocks locks;
  private final Function<String, Optional<ShimEntry>> spare;
  private final Runnable after;

  /**
   * @param locks those of {@link Shims}
   * @param spare takes the idle spare, if there is one, for the heir of a shim, and keeps others
   *     off it
   * @param after called when a succession is over
   */
  Successions(
      Journal journal,
      ShimBirths births,
      ShimLines lines,
      Shims.Settings settings,
      Origin self,
      KeyLocks locks,
      Function<String, Optional<ShimEntry>> spare,
      Runnable after) {
    this.journal = journal;
    this.births = births;
    this.lines = lines;
    this.settings = settings;
    this.self = self;
    this.locks = locks;
    this.spare = spare;
    this.after = after;
  }

  private Optional<ShimEntry> entry(String id) {
    return journal.state().get(Kind.SHIM.key("", id));
  }

  /** Connects again, or has the shim replaced; returns when either is done, or it is gone. */
  void revive(String id) {
    while (!lines.isClosing()) {
      try {
        Optional<ShimEntry> shim = entry(id);
        if (shim.isEmpty() || settled(shim.get())) {
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

  private boolean settled(ShimEntry shim) {
    if (isGone(shim)) {
      replace(shim.getId(), "its process is gone");
      return true;
    }
    if (reconnect(shim)) {
      return true;
    }
    long silent = lines.silentMillis(shim.getId());
    if (silent < settings.silence().toMillis()) {
      return false;
    }
    retire(shim.getId(), "it has answered nothing for " + silent / 1000 + " s");
    replace(shim.getId(), "");
    return true;
  }

  /** A retired one is as good as gone, even where its daemon died before it did. */
  private static boolean isGone(ShimEntry shim) {
    return shim.getPhase() == ShimPhase.SHIM_PHASE_LOST || !ShimBirths.isRunning(shim);
  }

  /** Whether another shim is about to be replaced by this one, which is settled with that one. */
  private boolean isHeir(ShimEntry shim) {
    return !shim.getAdopts().isEmpty() && entry(shim.getAdopts()).isPresent();
  }

  /** At the daemon's start: 0 where it answered, 1 where it was replaced, 2 where it is retried. */
  int reattach(ShimEntry shim) {
    try {
      if (isHeir(shim) && ShimBirths.isRunning(shim)) {
        return 0;
      }
      if (isGone(shim)) {
        replace(shim.getId(), "its process was gone when the daemon started");
        return 1;
      }
      if (reconnect(shim)) {
        return 0;
      }
    } catch (RuntimeException e) {
      LOG.error("shim {} could not be reattached: {}", shim.getId(), e.getMessage(), e);
    }
    Thread.ofVirtual().name("revive-" + shim.getId()).start(() -> revive(shim.getId()));
    return 2;
  }

  /** True when it answered and is attached. */
  private boolean reconnect(ShimEntry shim) {
    ShimCalls calls = null;
    try {
      calls = births.connect(shim);
      ShimCalls.Info info = calls.info(ShimBirths.INFO_PATIENCE);
      journal.commit(
          self,
          "",
          new Event.ShimReattached(
              ShimReattachedPayload.newBuilder()
                  .setId(shim.getId())
                  .setContainers(info.containers().size())
                  .build()));
      lines.attach(shim.getId(), calls);
      return true;
    } catch (Refusal e) {
      if (calls != null) {
        calls.close();
      }
      // Asked first here, where it is what the silence is counted from.
      lines.silentMillis(shim.getId());
      if (shim.getPhase() == ShimPhase.SHIM_PHASE_RUNNING && !ShimBirths.endsWithin(shim, ENDING)) {
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

  private void retire(String id, String reason) {
    LOG.warn("shim {} is ended: {}; its containers run on", id, reason);
    journal.commit(
        self,
        "",
        new Event.ShimRetired(ShimRetiredPayload.newBuilder().setId(id).setReason(reason).build()));
  }

  /** Puts a shim in the place of one that is gone or retired; its containers run on. */
  private void replace(String id, String reason) {
    try (KeyLocks.Held one = locks.hold("shim " + id, LOCK_PATIENCE)) {
      Optional<ShimEntry> gone = entry(id);
      if (gone.isEmpty() || lines.has(id)) {
        return;
      }
      if (gone.get().getPhase() != ShimPhase.SHIM_PHASE_LOST) {
        LOG.warn("shim {} is gone ({}); its containers are taken over", id, reason);
        journal.commit(
            self,
            "",
            new Event.ShimLost(ShimLostPayload.newBuilder().setId(id).setReason(reason).build()));
      }
      births.end(gone.get());
      List<ShimCalls.Adoptee> adoptees = tasksOf(id);
      if (adoptees.isEmpty() && gone.get().getOwnersCount() == 0) {
        lines.forget(id);
        births.stopped(id);
      } else {
        ShimBirths.Born heir = heir(id);
        adopt(heir, id, adoptees);
        lines.attach(heir.id(), heir.calls());
        forget(id);
      }
    }
    after.run();
  }

  private void adopt(ShimBirths.Born heir, String gone, List<ShimCalls.Adoptee> adoptees) {
    for (String loss : heir.calls().adopt(adoptees, settings.holderSocket())) {
      LOG.error("adopted with a loss: {}", loss);
    }
    journal.commit(
        self,
        "",
        new Event.ShimReplaced(
            ShimReplacedPayload.newBuilder().setId(gone).setSuccessor(heir.id()).build()));
  }

  private void forget(String id) {
    lines.forget(id);
    Folders.removeQuietly(births.launcher().folder(id));
  }

  /** The one that the state names already, else the idle spare, else a new one. */
  private ShimBirths.Born heir(String gone) {
    try (KeyLocks.Held held = locks.hold(Shims.START_LOCK, LOCK_PATIENCE)) {
      for (ShimEntry named : named(gone)) {
        Optional<ShimBirths.Born> heir = answering(named);
        if (heir.isPresent()) {
          return heir.get();
        }
        births.discard(named, "it was to take over shim " + gone + " and does not answer");
      }
      Optional<ShimEntry> idle = spare.apply(gone);
      if (idle.isPresent()) {
        journal.commit(
            self,
            "",
            new Event.ShimAdopting(
                ShimAdoptingPayload.newBuilder().setId(idle.get().getId()).setGone(gone).build()));
        // Its records are followed anew when the state says whose containers it holds.
        lines.take(idle.get().getId()).ifPresent(ShimLine::close);
        Optional<ShimBirths.Born> heir = answering(idle.get());
        if (heir.isPresent()) {
          return heir.get();
        }
        births.discard(idle.get(), "a spare that does not answer");
      }
      return births.start(false, gone);
    }
  }

  private List<ShimEntry> named(String gone) {
    List<ShimEntry> found = new ArrayList<>();
    journal
        .state()
        .forEach(
            Kind.SHIM,
            (key, shim) -> {
              if (shim.getAdopts().equals(gone)) {
                found.add(shim);
              }
            });
    return found;
  }

  private Optional<ShimBirths.Born> answering(ShimEntry shim) {
    if (isGone(shim)) {
      return Optional.empty();
    }
    try {
      lines.take(shim.getId()).ifPresent(ShimLine::close);
      ShimCalls calls = births.connect(shim);
      calls.info(ShimBirths.INFO_PATIENCE);
      return Optional.of(new ShimBirths.Born(shim.getId(), calls));
    } catch (Refusal e) {
      LOG.warn("shim {} cannot take over: {}", shim.getId(), e.sentence());
      return Optional.empty();
    }
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

  /**
   * Has a shim that answers give way to one of the installed version. Callers only wait.
   *
   * @return the successor, "" where nothing lived in it and it was ended
   * @throws Refusal NOT_FOUND, UNAVAILABLE where it does not answer, DEADLINE_EXCEEDED where its
   *     calls do not finish; all goes on as before then
   */
  String upgrade(String id, String reason) {
    try (KeyLocks.Held one = locks.hold("shim " + id, LOCK_PATIENCE);
        KeyLocks.Held starts = locks.hold(Shims.START_LOCK, LOCK_PATIENCE)) {
      ShimEntry old =
          entry(id).orElseThrow(() -> Refusal.notFound("there is no shim " + id + " here"));
      ShimLine line =
          lines
              .find(id)
              .orElseThrow(
                  () ->
                      Refusal.unavailable(
                          "shim "
                              + id
                              + " does not answer; it is replaced anyway when it goes on so"));
      if (old.getOwnersCount() == 0 && tasksOf(id).isEmpty()) {
        line.shutdown();
        lines.forget(id);
        births.stopped(id);
        return "";
      }
      ShimBirths.Born heir = births.start(false, id);
      try (ShimLine.Quiet quiet = line.quiesce(CALLS_PATIENCE)) {
        retire(id, reason);
        lines.take(id);
        births.end(old);
        adopt(heir, id, tasksOf(id));
        lines.move(heir.id(), line, heir.calls());
        forget(id);
        return heir.id();
      } catch (Refusal e) {
        if (lines.has(id)) {
          entry(heir.id()).ifPresent(h -> births.discard(h, "shim " + id + " goes on"));
        } else {
          // Retired already: what is half done is finished as for a dead one.
          heir.calls().close();
          Thread.ofVirtual().name("revive-" + id).start(() -> revive(id));
        }
        throw e;
      }
    } finally {
      after.run();
    }
  }
}
