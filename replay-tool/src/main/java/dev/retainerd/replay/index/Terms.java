package dev.retainerd.replay.index;

import dev.retainerd.eventlog.EncodedEnvelope;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.eventlog.event.UnreadableEventException;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.store.words.Told;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Under which words an event stands in the index. A life needs its own events, those that say who
 * belongs to whom, and what befell the whole node or its shim.
 */
final class Terms {
  /** What befell everybody. It begins with a character that no id has. */
  static final String NODE = "\0node";

  private static final String SHIM = "\0shim ";
  private static final String LINK = "\0link ";

  private Terms() {}

  /** What befell those who live in that shim. */
  static String shim(String id) {
    return SHIM + id;
  }

  /** Those of its events that lead to other words, see {@link #leadsTo}. */
  static String link(String term) {
    return LINK + term;
  }

  /** All words of an event. */
  static Set<String> of(EncodedEnvelope encoded) {
    Set<String> terms = words(encoded);
    boolean leads =
        EventType.ofNumber(encoded.type())
            .map(
                type ->
                    switch (type) {
                      case CONTAINER_CREATING,
                          CONTAINER_CREATED,
                          TASK_CREATING,
                          SANDBOX_CREATED,
                          SHIM_ASSIGNED,
                          SHIM_REPLACED ->
                          true;
                      default -> false;
                    })
            .orElse(false);
    if (leads) {
      List.copyOf(terms).forEach(term -> terms.add(link(term)));
    }
    return terms;
  }

  private static Set<String> words(EncodedEnvelope encoded) {
    Set<String> terms = new LinkedHashSet<>();
    String subject = encoded.subject();
    int slash = subject.indexOf('/');
    if (slash < 0) {
      terms.add(subject);
      terms.add(NODE);
    } else {
      ids(subject.substring(0, slash), subject.substring(slash + 1), terms);
      befallsItsOwners(encoded.type(), subject).ifPresent(terms::add);
    }
    EventType.ofNumber(encoded.type()).ifPresent(type -> add(type, encoded, terms));
    return terms;
  }

  /** Whatever happens to a shim, but for owners that come and go. */
  private static Optional<String> befallsItsOwners(int type, String subject) {
    boolean movesOwners =
        type == EventType.SHIM_ASSIGNED.number() || type == EventType.SHIM_UNASSIGNED.number();
    return subject.startsWith("shim/") && !movesOwners
        ? Optional.of(shim(subject.substring("shim/".length())))
        : Optional.empty();
  }

  /** Whole parts of what stands behind the kind: what {@code Life.isAbout} takes for an id. */
  private static void ids(String kind, String rest, Set<String> terms) {
    if (kind.equals("exec") && rest.indexOf('/') > 0) {
      terms.add(rest.substring(0, rest.indexOf('/')));
      return;
    }
    terms.add(rest);
    for (int at = rest.indexOf('/'); at >= 0; at = rest.indexOf('/', at + 1)) {
      terms.add(rest.substring(0, at));
      terms.add(rest.substring(at + 1));
    }
  }

  private static void add(EventType type, EncodedEnvelope encoded, Set<String> terms) {
    switch (type) {
      case DAEMON_STARTED, DAEMON_STOPPING, NODE_REBOOTED, RECOVERY_FINISHED, DAMAGE_FOUND ->
          terms.add(NODE);
      case CONTAINER_CREATING, CONTAINER_CREATED, SHIM_ASSIGNED -> {
        try {
          ofPayload(Told.of(encoded.envelope()).event(), terms);
        } catch (UnreadableEventException e) {
          // Found by its subject only, as it is by whoever reads it.
          return;
        }
      }
      default -> {}
    }
  }

  private static void ofPayload(Event event, Set<String> terms) {
    switch (event) {
      case Event.ContainerCreating e -> pod(e.payload().getContainer(), terms);
      case Event.ContainerCreated e -> pod(e.payload().getContainer(), terms);
      case Event.ShimAssigned e -> terms.add(e.payload().getOwner());
      default -> {}
    }
  }

  private static void pod(ContainerRecord container, Set<String> terms) {
    if (!container.getCri().getSandboxId().isEmpty()) {
      terms.add(container.getCri().getSandboxId());
    }
  }

  /** Under which other words events stand that the life of {@code id} needs, told by this event. */
  static List<String> leadsTo(String id, Told told) {
    List<String> more = new ArrayList<>();
    switch (told.event()) {
      case Event.ContainerCreating e -> belongs(id, e.payload().getContainer(), more);
      case Event.ContainerCreated e -> belongs(id, e.payload().getContainer(), more);
      case Event.TaskCreating e -> more.add(shim(e.payload().getShimId()));
      case Event.SandboxCreated e -> more.add(shim(e.payload().getShimId()));
      case Event.ShimAssigned e -> more.add(shim(e.payload().getId()));
      case Event.ShimReplaced e -> more.add(shim(e.payload().getSuccessor()));
      default -> {}
    }
    return more;
  }

  private static void belongs(String id, ContainerRecord container, List<String> more) {
    String pod = container.getCri().getSandboxId();
    if (pod.equals(id)) {
      more.add(container.getId());
    } else if (container.getId().equals(id) && !pod.isEmpty()) {
      more.add(pod);
    }
  }
}
