package dev.retainerd.runtime.image;

import dev.retainerd.runtime.error.Refusal;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The snapshotters of a node, and which of them has the pods of which runtime handler. Immutable.
 */
public final class Snapshotters {
  private final List<SnapshotService> all;
  private final Map<String, String> ofHandlers;
  private final String defaultHandler;

  /**
   * Makes it.
   *
   * @param all the first is the usual one
   * @param ofHandlers names of snapshotters by runtime handler; each must be one of {@code all}
   * @param defaultHandler what a pod that names no handler runs with
   */
  public Snapshotters(
      List<SnapshotService> all, Map<String, String> ofHandlers, String defaultHandler) {
    this.all = List.copyOf(all);
    this.ofHandlers = Map.copyOf(ofHandlers);
    this.defaultHandler = defaultHandler;
    for (String name : ofHandlers.values()) {
      if (named(name).isEmpty()) {
        throw new IllegalArgumentException("there is no snapshotter " + name);
      }
    }
  }

  /** Every one, the usual first. */
  public List<SnapshotService> all() {
    return all;
  }

  /** Where nothing says which. */
  public SnapshotService usual() {
    return all.getFirst();
  }

  /** The one that clients call so. */
  public Optional<SnapshotService> named(String name) {
    return all.stream().filter(one -> one.snapshotter().equals(name)).findFirst();
  }

  /**
   * The one for pods of a runtime handler.
   *
   * @param handler "" for the default one; of one that is not configured any more, the usual
   */
  public SnapshotService ofHandler(String handler) {
    String name = ofHandlers.get(handler.isEmpty() ? defaultHandler : handler);
    return name == null ? usual() : named(name).orElseThrow();
  }

  /**
   * The same, for who must not name one that is not configured.
   *
   * @throws Refusal invalid argument, as cri-api says of pulls for an unknown handler
   */
  public SnapshotService ofKnownHandler(String handler) {
    if (!handler.isEmpty() && !ofHandlers.containsKey(handler)) {
      throw Refusal.invalidArgument(
          "no runtime handler \""
              + handler
              + "\" is configured; the configuration knows "
              + String.join(", ", ofHandlers.keySet().stream().sorted().toList()));
    }
    return ofHandler(handler);
  }
}
