package dev.retainerd.replay.export;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

/**
 * The tracks of one thing, on which slices lie one behind the other: what overlaps goes onto
 * another one, since viewers drop slices of one track that overlap without being nested. Not
 * thread-safe.
 */
final class Lanes {
  private final int group;
  private final String name;
  private final List<Lane> lanes = new ArrayList<>();

  Lanes(int group, String name) {
    this.group = group;
    this.name = name;
  }

  /** One of them, as {@code track} of {@code group}. */
  static final class Lane {
    final int group;
    final int track;
    final String name;
    private boolean busy;
    private long end = Long.MIN_VALUE;

    private Lane(int group, int track, String name) {
      this.group = group;
      this.track = track;
      this.name = name;
    }

    /** A slice ends on it. */
    void free(long at) {
      busy = false;
      end = at;
    }
  }

  /** The first, for marks; a new one where there is none. */
  Lane first(IntSupplier numbers) {
    return lanes.isEmpty() ? add(numbers) : lanes.getFirst();
  }

  /** Begins a slice, on a lane where all others have ended; a new one where there is none. */
  Lane take(long at, IntSupplier numbers) {
    Lane lane =
        lanes.stream()
            .filter(one -> !one.busy && one.end <= at)
            .findFirst()
            .orElseGet(() -> add(numbers));
    lane.busy = true;
    return lane;
  }

  /** How many there are: one more than before, where one was made and is to be written about. */
  int count() {
    return lanes.size();
  }

  /** The newest. */
  Lane last() {
    return lanes.getLast();
  }

  private Lane add(IntSupplier numbers) {
    String title = lanes.isEmpty() ? name : name + " (" + (lanes.size() + 1) + ")";
    lanes.add(new Lane(group, numbers.getAsInt(), title));
    return lanes.getLast();
  }
}
