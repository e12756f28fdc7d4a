package dev.retainerd.runtime.containerd;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.Filter;
import dev.retainerd.store.state.StateView;
import dev.retainerd.wire.containerd.types.Envelope;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

/**
 * Hands events to those who subscribed to them: our own, as they become durable, and those that
 * clients publish, which are not in the log. Thread-safe.
 *
 * <p>Each subscriber has a bounded queue. One that does not keep up is cut off with a reason, and
 * is never sent a stream with a hole in it.
 */
public final class EventExchange {
  private static final int QUEUE_BOUND = 16 * 1024;

  private final StateView state;
  private final List<Subscription> subscriptions = new CopyOnWriteArrayList<>();

  /** An exchange without subscribers; {@code state} completes what events say. */
  public EventExchange(StateView state) {
    this.state = state;
  }

  /** Tells of one of our events; to be called in the log's order, and returns at once. */
  public void tell(String namespace, long wallNanos, Event event) {
    if (subscriptions.isEmpty()) {
      return;
    }
    for (EventTopics.Told told : EventTopics.of(namespace, event, state)) {
      send(
          Envelope.newBuilder()
              .setTimestamp(Translation.timestamp(wallNanos))
              .setNamespace(told.namespace())
              .setTopic(told.topic())
              .setEvent(Translation.packed(told.payload()))
              .build());
    }
  }

  /** Hands on an event that a client made. */
  void send(Envelope envelope) {
    for (Subscription subscription : subscriptions) {
      subscription.offer(envelope);
    }
  }

  /** Subscribes from now on; to be closed. */
  Subscription subscribe(Filter filter) {
    var subscription = new Subscription(filter);
    subscriptions.add(subscription);
    return subscription;
  }

  /** One subscriber's queue; {@link #next} is for one thread. */
  final class Subscription implements AutoCloseable {
    private final Filter filter;
    private final ArrayBlockingQueue<Envelope> queue = new ArrayBlockingQueue<>(QUEUE_BOUND);
    private volatile boolean behind;

    private Subscription(Filter filter) {
      this.filter = filter;
    }

    private void offer(Envelope envelope) {
      if (!behind && matches(envelope) && !queue.offer(envelope)) {
        behind = true;
      }
    }

    private boolean matches(Envelope envelope) {
      try {
        return filter.matches(EventFields.of(envelope));
      } catch (Refusal tooCostly) {
        // It is the subscriber's own expression that fails: it is cut off, and nobody else suffers.
        behind = true;
        return false;
      }
    }

    /**
     * The next event, or empty after a while without one.
     *
     * @throws Refusal RESOURCE_EXHAUSTED if this subscriber has not kept up
     */
    Optional<Envelope> next() throws InterruptedException {
      Envelope next = queue.poll(1, TimeUnit.SECONDS);
      if (next == null && behind) {
        throw Refusal.resourceExhausted(
            "the subscriber is more than %d events behind, or its filter takes too long: subscribe"
                    .formatted(QUEUE_BOUND)
                + " again and list what is there (or read the log: retainctl events --from SEQ)");
      }
      return Optional.ofNullable(next);
    }

    @Override
    public void close() {
      subscriptions.remove(this);
    }
  }
}
