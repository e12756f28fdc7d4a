package dev.retainerd.runtime.engine;

import com.google.protobuf.Message;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.EventTooLargeException;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.event.SecretSpans;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.fold.EventHeader;
import dev.retainerd.store.fold.Fold;
import dev.retainerd.store.fold.IllegalTransitionException;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.state.Overlay;
import dev.retainerd.store.state.StateView;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one writer of the log. Proposals from any thread are checked against the state by folding
 * them, once and with the sequences and times they will have, appended, forced to disk together
 * (one force for all that wait), and only then become visible in memory and in the store.
 *
 * <p>Thread-safe. A commit returns when its events are durable and visible; if it throws, none of
 * its events is in the log, unless the exception says that the outcome is not known.
 */
public final class Journal implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Journal.class);
  private static final int QUEUE_BOUND = 4096;

  /** All that can wait: nobody waits for more than one commit under way plus its own. */
  private static final int BATCH_BOUND = QUEUE_BOUND;

  /** How long what nobody waits for stays out of the log at most. */
  private static final long UNHURRIED_NANOS = 5_000_000;

  private static final Duration COMMIT_PATIENCE = Duration.ofSeconds(60);

  /** Where folded state is kept on disk. Called by the journal's thread only. */
  @FunctionalInterface
  public interface Projection {
    void apply(long sequence, Collection<? extends Delta<?>> deltas);
  }

  /** Told of every durable event, in order, on the journal's thread: must return at once. */
  @FunctionalInterface
  public interface Listener {
    void onEvent(Envelope envelope, Event event);
  }

  /** Whether events still fit, by the sequence and the state that they would follow. */
  @FunctionalInterface
  private interface Condition {
    Condition NONE = (sequence, state) -> true;

    boolean holds(long sequence, StateView state);
  }

  private record Proposal(
      Origin origin,
      String namespace,
      List<Event> events,
      Condition condition,
      boolean hurried,
      CompletableFuture<List<Envelope>> done) {}

  private final EventLog log;
  private final NodeState state;
  private final Projection projection;
  private final ArrayBlockingQueue<Proposal> queue = new ArrayBlockingQueue<>(QUEUE_BOUND);
  private final List<Listener> listeners = new CopyOnWriteArrayList<>();
  private final ConcurrentHashMap<Key<?>, CompletableFuture<Void>> watches =
      new ConcurrentHashMap<>();
  private final Thread writer;

  /** Ends the writer, which has written all that was proposed before it. */
  private final Proposal last =
      new Proposal(null, "", List.of(), Condition.NONE, true, new CompletableFuture<>());

  private volatile boolean closing;
  private volatile boolean ended;

  /** Starts the writer. {@code state} stands at the log's last sequence already. */
  public Journal(EventLog log, NodeState state, Projection projection) {
    this.log = log;
    this.state = state;
    this.projection = projection;
    this.writer = Thread.ofPlatform().name("journal").start(this::run);
  }

  /** The state as of the last durable event. */
  public NodeState state() {
    return state;
  }

  /** The log itself, for its readers and its status. */
  public EventLog log() {
    return log;
  }

  /** How many requests wait to be written. */
  int waiting() {
    return queue.size();
  }

  /** Adds a listener; it is told of events that become durable from now on. */
  public void addListener(Listener listener) {
    listeners.add(listener);
  }

  /**
   * Records events, all or none, in this order, and waits until they are durable and visible.
   *
   * @return the envelopes, in order
   * @throws Refusal FAILED_PRECONDITION where an event does not fit the state; RESOURCE_EXHAUSTED
   *     where the queue or the disk is full; UNAVAILABLE while the daemon stops
   */
  public List<Envelope> commit(Origin origin, String namespace, Event... events) {
    return commit(origin, namespace, List.of(events));
  }

  /** As {@link #commit(Origin, String, Event...)}. */
  public List<Envelope> commit(Origin origin, String namespace, List<Event> events) {
    return awaited(propose(origin, namespace, events, Condition.NONE, true));
  }

  /**
   * Records events as {@link #commit(Origin, String, Event...)} does, but only if what they were
   * decided on is still so: if nothing was recorded after {@code sequence}, or {@code still} is
   * true of the state that they would follow.
   *
   * @param events at least one
   * @param still asked on the journal's thread, and only where it has to be: everybody waits for it
   * @return false where it is not so; then none of the events is recorded
   */
  public boolean commitIf(
      long sequence,
      Predicate<StateView> still,
      Origin origin,
      String namespace,
      List<Event> events) {
    Condition condition = (before, state) -> before == sequence || still.test(state);
    return !awaited(propose(origin, namespace, events, condition, true)).isEmpty();
  }

  private static List<Envelope> awaited(CompletableFuture<List<Envelope>> done) {
    try {
      return done.get(COMMIT_PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw asRefusal(e.getCause());
    } catch (TimeoutException e) {
      throw Refusal.unavailable(
          "the event log has not become durable within "
              + COMMIT_PATIENCE.toSeconds()
              + " s; whether the request was recorded is not known, look before asking again");
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  /**
   * Records events as {@link #commit(Origin, String, Event...)} does and does not wait: for
   * outcomes whose request has more to record before it is answered. They wait a few milliseconds
   * for something that is committed, to share its force. What is proposed or committed later comes
   * later in the log.
   *
   * @return completes when they are durable and visible, or with what kept them out of the log
   * @throws Refusal as commit does, for what is known at once
   */
  public CompletableFuture<List<Envelope>> propose(
      Origin origin, String namespace, List<Event> events) {
    return propose(origin, namespace, events, Condition.NONE, false);
  }

  private CompletableFuture<List<Envelope>> propose(
      Origin origin, String namespace, List<Event> events, Condition condition, boolean hurried) {
    Proposal proposal =
        new Proposal(
            origin, namespace, List.copyOf(events), condition, hurried, new CompletableFuture<>());
    if (closing) {
      throw stopping();
    }
    if (log.status().low() && events.stream().anyMatch(Journal::takesMore)) {
      throw Refusal.resourceExhausted(
          "the disk of the event log is full: what is left is kept for exits, stops and"
              + " removals; free some space on the disk of "
              + log.status().directory());
    }
    try {
      if (!queue.offer(proposal, COMMIT_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        throw Refusal.resourceExhausted(
            "the event log does not keep up: " + QUEUE_BOUND + " requests wait for the disk");
      }
    } catch (InterruptedException e) {
      throw interrupted();
    }
    if (ended && queue.remove(proposal)) {
      // It came after the writer had looked for the last time.
      throw stopping();
    }
    return proposal.done;
  }

  private static Refusal interrupted() {
    Thread.currentThread().interrupt();
    return Refusal.unavailable("the request was interrupted while it waited for the event log");
  }

  /** Whether an event begins something that will need more events, and more of the disk. */
  private static boolean takesMore(Event event) {
    return event instanceof Event.SandboxCreating
        || event instanceof Event.ContainerCreating
        || event instanceof Event.TaskCreating
        || event instanceof Event.ExecAdded
        || event instanceof Event.ImagePulling
        || event instanceof Event.ImageCreated
        || event instanceof Event.SnapshotPreparing
        || event instanceof Event.ContentCommitted;
  }

  /** The sequence of the last of these envelopes. */
  public static long lastSequence(List<Envelope> envelopes) {
    return envelopes.getLast().sequence();
  }

  /**
   * Waits until {@code holds} is true of the entry of {@code key}, looking again after each event
   * that changes it.
   *
   * @param holds gets the entry, or null where there is none
   * @return true when it holds; false when {@code patience} ended first
   */
  public <T extends Message> boolean await(Key<T> key, Predicate<T> holds, Duration patience)
      throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (true) {
      CompletableFuture<Void> changed =
          watches.computeIfAbsent(key, k -> new CompletableFuture<>());
      if (holds.test(state.get(key).orElse(null))) {
        return true;
      }
      try {
        changed.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      } catch (TimeoutException e) {
        return holds.test(state.get(key).orElse(null));
      } catch (ExecutionException e) {
        throw new IllegalStateException("a watch ended badly", e);
      }
    }
  }

  /** Records what was proposed before this call, then ends the writer. The log stays open. */
  @Override
  public void close() {
    closing = true;
    try {
      // Not by an interrupt: one that comes while the writer writes is lost, or costs it its file.
      if (queue.offer(last, COMMIT_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        writer.join(COMMIT_PATIENCE);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    List<Proposal> batch = new ArrayList<>();
    boolean goesOn = true;
    while (goesOn) {
      try {
        batch.add(queue.take());
      } catch (InterruptedException e) {
        continue;
      }
      queue.drainTo(batch, BATCH_BOUND - 1);
      awaitHurry(batch);
      goesOn = !batch.remove(last);
      try {
        write(batch);
      } catch (RuntimeException | Error e) {
        LOG.error("a batch of {} proposals was not recorded", batch.size(), e);
        batch.forEach(p -> p.done.completeExceptionally(e));
      }
      batch.clear();
    }
    ended = true;
    // They came at the very moment of the end.
    queue.drainTo(batch);
    batch.forEach(p -> p.done.completeExceptionally(stopping()));
  }

  /** Where nobody waits for any of them: until somebody does, or not much longer. */
  private void awaitHurry(List<Proposal> batch) {
    long deadline = System.nanoTime() + UNHURRIED_NANOS;
    try {
      while (batch.stream().noneMatch(Proposal::hurried) && batch.size() < BATCH_BOUND) {
        Proposal next = queue.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
        if (next == null) {
          return;
        }
        batch.add(next);
        queue.drainTo(batch, BATCH_BOUND - batch.size());
      }
    } catch (InterruptedException e) {
      // Nobody interrupts this thread; what has come so far is written.
    }
  }

  private void write(List<Proposal> batch) {
    List<Proposal> accepted = new ArrayList<>(batch.size());
    List<EnvelopeDraft> drafts = new ArrayList<>(batch.size());
    Overlay tip = new Overlay(state);
    long next = log.lastSequence() + 1;
    EventLog.Stamp stamp = log.stamp();
    for (Proposal p : batch) {
      try {
        if (!p.condition.holds(next - 1, tip)) {
          p.done.complete(List.of());
          continue;
        }
        tip.apply(folded(tip, next, stamp, p));
      } catch (RuntimeException refused) {
        p.done.completeExceptionally(refused);
        continue;
      }
      accepted.add(p);
      for (Event event : p.events) {
        drafts.add(draft(p, event));
      }
      next += p.events.size();
    }
    if (accepted.isEmpty()) {
      return;
    }
    List<Envelope> envelopes;
    try {
      envelopes = log.append(drafts, stamp).envelopes();
    } catch (EventTooLargeException e) {
      one(accepted, e);
      return;
    }
    if (envelopes.getLast().sequence() != next - 1) {
      throw new IllegalStateException(
          "the log wrote up to event "
              + envelopes.getLast().sequence()
              + " what was checked as up to "
              + (next - 1));
    }
    log.force();
    publish(accepted, envelopes, tip.deltas());
  }

  /** One of these has an event that is too large: nobody else may suffer from it. */
  private void one(List<Proposal> accepted, EventTooLargeException e) {
    if (accepted.size() == 1) {
      accepted.getFirst().done.completeExceptionally(Refusal.invalidArgument(e.getMessage()));
      return;
    }
    for (Proposal p : accepted) {
      write(List.of(p));
    }
  }

  private void publish(List<Proposal> accepted, List<Envelope> envelopes, List<Delta<?>> deltas) {
    long last = envelopes.getLast().sequence();
    projection.apply(last, deltas);
    state.apply(last, deltas);
    int at = 0;
    for (Proposal p : accepted) {
      List<Envelope> own = List.copyOf(envelopes.subList(at, at + p.events.size()));
      for (int i = 0; i < own.size(); i++) {
        tell(own.get(i), p.events.get(i));
      }
      at += p.events.size();
      p.done.complete(own);
    }
    for (Delta<?> delta : deltas) {
      CompletableFuture<Void> watch = watches.remove(delta.key());
      if (watch != null) {
        watch.complete(null);
      }
    }
  }

  private void tell(Envelope envelope, Event event) {
    for (Listener listener : listeners) {
      try {
        listener.onEvent(envelope, event);
      } catch (RuntimeException e) {
        LOG.error("a listener failed at event {}", envelope.sequence(), e);
      }
    }
  }

  /**
   * What the events of one proposal change, with the sequences and times that the log will give
   * them; throws where one does not fit.
   */
  private static List<Delta<?>> folded(Overlay tip, long first, EventLog.Stamp stamp, Proposal p) {
    Overlay own = new Overlay(tip);
    long sequence = first;
    for (Event event : p.events) {
      EventHeader at = new EventHeader(sequence++, stamp.bootId(), stamp.wallNanos(), p.namespace);
      own.apply(Fold.fold(own, at, event));
    }
    return own.deltas();
  }

  private static EnvelopeDraft draft(Proposal p, Event event) {
    byte[] payload = event.payload().toByteArray();
    return new EnvelopeDraft(
        p.namespace,
        event.subject(),
        p.origin.actor(),
        p.origin.requestId(),
        p.origin.causedBySequence(),
        event.type().number(),
        event.type().schemaVersion(),
        payload,
        SecretSpans.of(event.payload(), payload));
  }

  private static RuntimeException asRefusal(Throwable cause) {
    return switch (cause) {
      case Refusal refusal -> refusal;
      case IllegalTransitionException e -> Refusal.failedPrecondition(e.getMessage()).because(e);
      case Error e -> throw e;
      default ->
          new Refusal(
              Refusal.Code.UNAVAILABLE, "the event log refused: " + cause.getMessage(), cause);
    };
  }

  private static Refusal stopping() {
    return Refusal.unavailable("the daemon is stopping; ask again when it is back");
  }
}
