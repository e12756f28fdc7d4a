package dev.retainerd.runtime.recovery;

import java.util.List;
import java.util.Optional;

/**
 * Something on the node that no event owns.
 *
 * @param kind as in {@link dev.retainerd.eventlog.proto.LeftoverRemovedPayload}
 * @param name what it is called there
 * @param ofId the pod or container it belonged to, whose last event tells where it comes from
 * @param ours whether it can only be ours: it lies in a folder of our own. What others may have
 *     made as well counts as ours only if the log knows the id
 * @param removal ends it; harmless where it is gone
 */
public record Leftover(String kind, String name, String ofId, boolean ours, Runnable removal) {

  /** Finds leftovers of some kinds; changes nothing. */
  @FunctionalInterface
  public interface Finder {
    List<Leftover> find();
  }

  /** The same with what the log tells of it. */
  Told told(Optional<Past.LastEvent> last) {
    return new Told(this, last);
  }

  /**
   * A leftover and the last event about whom it belonged to.
   *
   * @param last empty where the log holds none
   */
  public record Told(Leftover leftover, Optional<Past.LastEvent> last) {}
}
