package dev.retainerd.runtime.shims;

import dev.retainerd.store.proto.ShimEntry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which of the shims that hold nothing are to end. A spare stays for good. One more that has become
 * empty stays for a while: where pods come and go, the next one finds it instead of costing the
 * start of another spare. The oldest go first, so that none lives for ever by being reused. Not
 * thread-safe.
 */
final class IdleShims {
  private static final int WAITING_MAX = 1;

  private final int spares;
  private final Duration patience;
  private final Map<String, Long> idleSince = new HashMap<>();

  IdleShims(int spares, Duration patience) {
    this.spares = spares;
    this.patience = patience;
  }

  /**
   * What is to be done.
   *
   * @param askAgain when the next one will have waited long enough
   */
  record Verdict(List<String> toEnd, Optional<Duration> askAgain) {}

  /**
   * Judges.
   *
   * @param idle all that hold nothing now
   */
  Verdict judge(List<ShimEntry> idle, long nanoTime) {
    Set<String> ids = new HashSet<>();
    idle.forEach(shim -> ids.add(shim.getId()));
    idleSince.keySet().retainAll(ids);
    ids.forEach(id -> idleSince.putIfAbsent(id, nanoTime));
    List<ShimEntry> oldestFirst = new ArrayList<>(idle);
    oldestFirst.sort(
        Comparator.comparingLong((ShimEntry shim) -> shim.getProcess().getStartTimeTicks())
            .thenComparing(ShimEntry::getId));
    List<String> toEnd = new ArrayList<>();
    Optional<Duration> askAgain = Optional.empty();
    int beyond = idle.size() - spares;
    for (ShimEntry shim : oldestFirst.subList(0, Math.max(0, beyond))) {
      boolean waits = beyond - toEnd.size() <= WAITING_MAX;
      // Whichever of those that stay has been empty for the longest: the pair of them counts.
      Duration left = patience.minusNanos(nanoTime - newestIdle(oldestFirst));
      if (waits && left.isPositive()) {
        askAgain = Optional.of(left);
      } else {
        toEnd.add(shim.getId());
      }
    }
    return new Verdict(toEnd, askAgain);
  }

  /** Since when there have been as many idle ones as now. */
  private long newestIdle(List<ShimEntry> idle) {
    return idle.stream()
        .mapToLong(shim -> idleSince.get(shim.getId()))
        .reduce(Long.MIN_VALUE, IdleShims::later);
  }

  private static long later(long one, long other) {
    return one == Long.MIN_VALUE || other - one > 0 ? other : one;
  }
}
