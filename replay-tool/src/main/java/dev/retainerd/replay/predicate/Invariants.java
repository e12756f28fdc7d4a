package dev.retainerd.replay.predicate;

import java.util.LinkedHashMap;
import java.util.Map;

/** What must hold of a node at every event, by name. */
public final class Invariants {
  /** Name and predicate. */
  public static final Map<String, String> ALL = all();

  private Invariants() {}

  private static Map<String, String> all() {
    Map<String, String> all = new LinkedHashMap<>();
    all.put("task-has-container", "none(task where not container[container_id])");
    all.put(
        "running-task-has-shim",
        "none(task where phase == RUNNING and shim_id and not shim[shim_id])");
    all.put(
        "container-has-pod",
        "none(container where container.cri.sandbox_id and not sandbox[container.cri.sandbox_id])");
    all.put("address-once", "unique(sandbox attachments.addresses)");
    all.put("exits-known", "none(task where exit.source == EXIT_SOURCE_UNKNOWN)");
    return all;
  }
}
