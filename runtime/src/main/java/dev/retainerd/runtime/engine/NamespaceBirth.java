package dev.retainerd.runtime.engine;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.NamespaceCreatedPayload;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.state.Kind;

/**
 * Namespaces that nobody creates: as in containerd, the first thing made in one brings it into
 * being. Thread-safe.
 */
public final class NamespaceBirth {
  private NamespaceBirth() {}

  /** The namespace exists when this returns. */
  public static void ensure(Journal journal, Origin origin, String name) {
    if (exists(journal, name)) {
      return;
    }
    try {
      journal.commit(
          origin,
          "",
          new Event.NamespaceCreated(NamespaceCreatedPayload.newBuilder().setName(name).build()));
    } catch (Refusal refusal) {
      // Another request was faster, which is just as well.
      if (!exists(journal, name)) {
        throw refusal;
      }
    }
  }

  private static boolean exists(Journal journal, String name) {
    return journal.state().get(Kind.NAMESPACE.key("", name)).isPresent();
  }
}
