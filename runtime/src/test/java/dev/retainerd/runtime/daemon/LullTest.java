package dev.retainerd.runtime.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;

class LullTest {
  /** A clock may stand anywhere, below zero as well. */
  private static final long START = Long.MIN_VALUE / 2;

  private static final long LOOK_SECONDS = 2;

  /** At which seconds it was due, looked at every two; what was done by then says the function. */
  private static List<Long> due(long seconds, LongUnaryOperator doneAt) {
    Lull lull = new Lull(START);
    List<Long> due = new ArrayList<>();
    for (long at = LOOK_SECONDS; at <= seconds; at += LOOK_SECONDS) {
      if (lull.isDue(doneAt.applyAsLong(at), START + TimeUnit.SECONDS.toNanos(at))) {
        due.add(at);
      }
    }
    return due;
  }

  @Test
  void aStartIsOverWhenNothingMoreIsDone() {
    assertEquals(List.of(6L), due(30, at -> 7));
    assertEquals(List.of(14L), due(30, at -> Math.min(at, 10)));
  }

  @Test
  void aBurstIsFollowedByOneReleaseSoonAfterIt() {
    assertEquals(List.of(6L, 28L), due(60, at -> at < 20 ? 7 : Math.min(7 + (at - 18) * 100, 500)));
  }

  @Test
  void burstsOfALivelyNodeDoNotReleaseAllTheTime() {
    List<Long> due = due(600, at -> at / 6 * 1000);
    assertTrue(due.size() > 10, due.toString());
    for (int i = 1; i < due.size(); i++) {
      assertTrue(due.get(i) - due.get(i - 1) >= 15, due.toString());
    }
  }

  @Test
  void aProbeNowAndThenAndWorkWithoutEndWaitForTheMinute() {
    assertEquals(List.of(6L, 66L, 126L), due(130, at -> 7 + at / 10 * 2));
    assertEquals(List.of(46L, 106L), due(130, at -> at * 1000));
  }

  @Test
  void callsThatOnlyReadAreFollowedByOneAMinute() {
    List<Long> due = due(130, at -> 7);
    assertEquals(List.of(6L, 66L, 126L), due);
  }
}
