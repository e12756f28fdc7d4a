package dev.retainerd.replay.history;

import dev.retainerd.eventlog.EncodedEnvelope;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.store.words.Told;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Finds what a process id was. Ids come again: each owner is kept with its first event, and no more
 * than a few of them.
 */
final class PidSearch {
  private static final int OWNERS_MAX = 8;

  private final int pid;
  private final Map<String, Long> owners = new LinkedHashMap<>();

  private PidSearch(int pid) {
    this.pid = pid;
  }

  /** A search, where the text is a process id. */
  static Optional<PidSearch> of(String text) {
    return text.matches("[1-9][0-9]{0,6}")
        ? Optional.of(new PidSearch(Integer.parseInt(text)))
        : Optional.empty();
  }

  static boolean concerns(EncodedEnvelope event) {
    int type = event.type();
    return type == EventType.TASK_CREATED.number()
        || type == EventType.TASK_STARTED.number()
        || type == EventType.EXEC_STARTED.number()
        || type == EventType.SHIM_STARTED.number();
  }

  void see(Told told) {
    switch (told.event()) {
      case Event.TaskCreated e ->
          is(e.payload().getInit().getPid(), e.payload().getContainerId(), told);
      case Event.TaskStarted e -> is(e.payload().getPid(), e.payload().getContainerId(), told);
      case Event.ExecStarted e ->
          is(e.payload().getProcess().getPid(), e.payload().getContainerId(), told);
      case Event.ShimStarted e -> is(e.payload().getProcess().getPid(), e.payload().getId(), told);
      default -> {}
    }
  }

  private void is(int one, String owner, Told told) {
    if (one == pid && owners.size() < OWNERS_MAX) {
      owners.putIfAbsent(owner, told.sequence());
    }
  }

  /**
   * Whose process it was; empty where no process had that id.
   *
   * @throws LookFailure where it was more than one's, at different times
   */
  Optional<String> found() {
    if (owners.size() > 1) {
      throw new LookFailure(
          "pid "
              + pid
              + " was several things one after the other: "
              + String.join(
                  ", ",
                  owners.entrySet().stream()
                      .map(e -> e.getKey() + " (from event " + e.getValue() + ")")
                      .toList())
              + "; name one of them");
    }
    return owners.keySet().stream().findFirst();
  }
}
