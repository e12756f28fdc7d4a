package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.LeaseResourceAddedPayload;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.proto.LeaseEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.StateView;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * On whose behalf, and where, something is done. Immutable.
 *
 * @param namespace containerd's namespace
 * @param lease the lease that is to hold what is made; "" for none
 */
public record Scope(Origin origin, String namespace, String lease) {

  /** Without a lease. */
  public static Scope of(Origin origin, String namespace) {
    return new Scope(origin, namespace, "");
  }

  /**
   * The event, and behind it the one that lets the lease hold what was made.
   *
   * @throws Refusal not found, where the lease is not there
   */
  List<Event> holding(StateView state, String resourceType, String resourceId, Event event) {
    List<Event> events = new ArrayList<>(2);
    events.add(event);
    hold(state, resourceType, resourceId).ifPresent(events::add);
    return events;
  }

  /**
   * The event that lets the lease hold something; empty where there is no lease, or it does so
   * already.
   *
   * @throws Refusal not found, where the lease is not there
   */
  Optional<Event> hold(StateView state, String resourceType, String resourceId) {
    if (lease.isEmpty()) {
      return Optional.empty();
    }
    LeaseEntry entry =
        state
            .get(Kind.LEASE.key(namespace, lease))
            .orElseThrow(
                () ->
                    Refusal.notFound(
                        "lease " + lease + " does not exist; create it, or name no lease"));
    boolean held =
        entry.getResourcesList().stream()
            .anyMatch(r -> r.getType().equals(resourceType) && r.getId().equals(resourceId));
    return held
        ? Optional.empty()
        : Optional.of(
            new Event.LeaseResourceAdded(
                LeaseResourceAddedPayload.newBuilder()
                    .setId(lease)
                    .setResourceId(resourceId)
                    .setResourceType(resourceType)
                    .build()));
  }
}
