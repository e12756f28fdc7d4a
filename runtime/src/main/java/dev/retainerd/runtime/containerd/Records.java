package dev.retainerd.runtime.containerd;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.state.StateView;

/**
 * The node's records as the adapters see them: the state to read from, and the journal to propose
 * events to. Thread-safe.
 */
public interface Records {

  StateView state();

  /**
   * Records events, all or none, and returns when they are durable and visible in {@link #state()}.
   * The actor is the caller of the gRPC call under way.
   *
   * @param namespace the events' namespace; "" for node-wide ones
   * @return the last event's sequence
   * @throws Refusal FAILED_PRECONDITION if an event does not fit the state
   */
  long commit(String namespace, Event... events);
}
