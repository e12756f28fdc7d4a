package dev.retainerd.store.words;

import dev.retainerd.eventlog.EncodedEnvelope;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.eventlog.proto.ContainerRecord;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Picks out of the whole history what belongs to the life of one thing: its own events, those of
 * what is part of it, and the deaths of daemons and shims that it lived through. It learns who
 * belongs to whom on the way, so events must come in order. Not thread-safe.
 */
public final class Life {
  /** Types that tell of nothing but their subject, and befall nobody else. */
  private static final BitSet OWN_ONLY = new BitSet();

  static {
    for (EventType type :
        List.of(
            EventType.EXEC_ADDED,
            EventType.EXEC_STARTING,
            EventType.EXEC_STARTED,
            EventType.EXEC_START_FAILED,
            EventType.EXEC_EXITED,
            EventType.EXEC_DELETED,
            EventType.IMAGE_PULLING,
            EventType.IMAGE_PULLED,
            EventType.IMAGE_PULL_FAILED,
            EventType.IMAGE_CREATED,
            EventType.IMAGE_UPDATED,
            EventType.IMAGE_DELETED,
            EventType.CONTENT_COMMITTED,
            EventType.CONTENT_UPDATED,
            EventType.CONTENT_DELETED,
            EventType.TASK_CREATED,
            EventType.TASK_STARTING,
            EventType.TASK_STARTED,
            EventType.TASK_EXITED,
            EventType.TASK_DELETED,
            EventType.CONTAINER_REMOVING,
            EventType.CONTAINER_REMOVED)) {
      OWN_ONLY.set(type.number());
    }
  }

  private final Set<String> ids = new HashSet<>();
  private final Set<String> pods = new HashSet<>();
  private final Set<String> shims = new HashSet<>();
  private final List<byte[]> texts = new ArrayList<>();
  private final String id;
  private boolean begun;
  private boolean over;

  /** The life of the thing of exactly this id, as {@link SubjectSearch} finds it. */
  public Life(String id) {
    this.id = id;
    add(id);
  }

  private void add(String one) {
    if (ids.add(one)) {
      texts.add(one.getBytes(StandardCharsets.UTF_8));
    }
  }

  /**
   * Whether {@link #accept} may take this event, or learn from it; false only where it surely does
   * not. It is asked of undecoded events, most of which are about something else.
   */
  public boolean mayAccept(EncodedEnvelope event) {
    if (!OWN_ONLY.get(event.type())) {
      return true;
    }
    for (byte[] text : texts) {
      if (event.subjectHas(text)) {
        return true;
      }
    }
    return false;
  }

  /** Whether the event belongs to it. */
  public boolean accept(Told told) {
    learn(told.event());
    boolean own = ids.stream().anyMatch(one -> isAbout(told.envelope().subject(), one));
    if (own) {
      begun = true;
      over = ends(told);
      return true;
    }
    return begun && !over && befell(told.event());
  }

  /** Whether it was removed with the events so far. */
  public boolean over() {
    return over;
  }

  private boolean ends(Told told) {
    return switch (told.type()) {
      case CONTAINER_REMOVED,
          CONTAINER_CREATE_FAILED,
          SANDBOX_REMOVED,
          SANDBOX_CREATE_FAILED,
          IMAGE_DELETED,
          SHIM_STOPPED,
          SHIM_REPLACED,
          LEASE_DELETED,
          NAMESPACE_DELETED,
          CONTENT_DELETED ->
          isAbout(told.envelope().subject(), id);
      default -> false;
    };
  }

  /**
   * Whether a subject such as {@code exec/web/1} or {@code image/docker.io/a/b:1} is about an id:
   * all of what stands behind the kind, or a whole part of it.
   */
  public static boolean isAbout(String subject, String id) {
    int at = subject.indexOf('/');
    if (at < 0) {
      return subject.equals(id);
    }
    String rest = subject.substring(at + 1);
    return rest.equals(id)
        || rest.startsWith(id + "/")
        || rest.endsWith("/" + id)
        || subject.equals(id);
  }

  private void learn(Event event) {
    switch (event) {
      case Event.ContainerCreating e -> learn(e.payload().getContainer());
      case Event.ContainerCreated e -> learn(e.payload().getContainer());
      case Event.TaskCreating e -> {
        if (ids.contains(e.payload().getContainerId())) {
          shims.add(e.payload().getShimId());
        }
      }
      case Event.SandboxCreated e -> {
        if (ids.contains(e.payload().getId()) && !e.payload().getShimId().isEmpty()) {
          shims.add(e.payload().getShimId());
        }
      }
      case Event.ShimAssigned e -> {
        if (ids.contains(e.payload().getOwner())) {
          shims.add(e.payload().getId());
        }
      }
      case Event.ShimReplaced e -> {
        if (shims.contains(e.payload().getId())) {
          shims.add(e.payload().getSuccessor());
        }
      }
      default -> {}
    }
  }

  private void learn(ContainerRecord container) {
    String pod = container.getCri().getSandboxId();
    if (pod.isEmpty()) {
      return;
    }
    if (pod.equals(id)) {
      add(container.getId());
    } else if (container.getId().equals(id)) {
      pods.add(pod);
    }
  }

  /** What happened to it without being about it. */
  private boolean befell(Event event) {
    return switch (event) {
      case Event.DaemonStarted e -> true;
      case Event.DaemonStopping e -> true;
      case Event.NodeRebooted e -> true;
      case Event.RecoveryFinished e -> true;
      case Event.DamageFound e -> true;
      case Event.ShimLost e -> shims.contains(e.payload().getId());
      case Event.ShimReplaced e -> shims.contains(e.payload().getId());
      case Event.ShimRetired e -> shims.contains(e.payload().getId());
      case Event.ShimUnreachable e -> shims.contains(e.payload().getId());
      case Event.ShimReattached e -> shims.contains(e.payload().getId());
      case Event.SandboxEnded e -> pods.contains(e.payload().getId());
      case Event.SandboxStopping e -> pods.contains(e.payload().getId());
      case Event.SandboxStopped e -> pods.contains(e.payload().getId());
      default -> false;
    };
  }
}
