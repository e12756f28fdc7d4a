package dev.retainerd.runtime.containerd;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.grpc.Caller;
import dev.retainerd.store.state.StateView;

/** The records of the real journal. */
public final class JournalRecords implements Records {
  private final Journal journal;

  public JournalRecords(Journal journal) {
    this.journal = journal;
  }

  /** An exchange that is told of every event of the journal from now on. */
  public static EventExchange exchange(Journal journal) {
    var exchange = new EventExchange(journal.state());
    journal.addListener(
        (envelope, event) -> exchange.tell(envelope.namespace(), envelope.wallNanos(), event));
    return exchange;
  }

  /** The caller of the gRPC call under way, as the journal records it. */
  static Origin origin() {
    Caller caller = CallContext.caller();
    return new Origin(
        new Actor(Actor.Kind.CLIENT, caller.pid(), caller.uid(), caller.gid(), caller.executable()),
        CallContext.requestId(),
        0);
  }

  @Override
  public StateView state() {
    return journal.state();
  }

  @Override
  public long commit(String namespace, Event... events) {
    return Journal.lastSequence(journal.commit(origin(), namespace, events));
  }
}
