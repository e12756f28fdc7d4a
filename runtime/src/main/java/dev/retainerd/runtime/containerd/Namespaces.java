package dev.retainerd.runtime.containerd;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.NamespaceCreatedPayload;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.store.proto.NamespaceEntry;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;

/**
 * The namespaces of requests that write. As in containerd, nobody has to create one: the first
 * thing made in a namespace brings it into being.
 */
public final class Namespaces {
  private final Records records;

  public Namespaces(Records records) {
    this.records = records;
  }

  static Key<NamespaceEntry> key(String name) {
    return Kind.NAMESPACE.key("", name);
  }

  /**
   * The caller's namespace, which exists when this returns.
   *
   * @throws Refusal FAILED_PRECONDITION if the caller named none
   */
  public String forWriting() {
    String name = CallContext.namespace();
    ensure(name);
    return name;
  }

  /** Makes the namespace if it is not there. */
  public void ensure(String name) {
    if (exists(name)) {
      return;
    }
    try {
      records.commit(
          "",
          new Event.NamespaceCreated(NamespaceCreatedPayload.newBuilder().setName(name).build()));
    } catch (Refusal refusal) {
      // Another request was faster, which is just as well.
      if (!exists(name)) {
        throw refusal;
      }
    }
  }

  boolean exists(String name) {
    return records.state().get(key(name)).isPresent();
  }
}
