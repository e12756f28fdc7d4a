package dev.retainerd.runtime.retention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.chronicle.RetainedGenerations.Part;
import dev.retainerd.runtime.retention.RetentionPlan.Bounds;
import dev.retainerd.runtime.retention.RetentionPlan.Facts;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class RetentionPlanTest {
  private static final long DAY = TimeUnit.DAYS.toNanos(1);
  private static final long NOW = 100 * DAY;
  private static final byte[] HASH = new byte[32];

  /** Ten of 100 events and 1,000 bytes each, one a day; the last one takes appends. */
  private static List<Part> ten(int archived) {
    return IntStream.rangeClosed(1, 10)
        .mapToObj(
            n ->
                new Part(
                    n,
                    (n - 1) * 100 + 1,
                    n == 10 ? 0 : n * 100,
                    1000,
                    n == 10 ? 0 : NOW - (10 - n) * DAY,
                    n <= archived,
                    HASH))
        .toList();
  }

  private static Facts facts(int archived, Long... snapshots) {
    return new Facts(ten(archived), 950, List.of(snapshots), Long.MAX_VALUE, NOW);
  }

  private static Bounds archive(int days, long bytes, long events) {
    return new Bounds(days, bytes, events, false, 0, 0);
  }

  private static List<Integer> numbers(RetentionPlan plan) {
    return plan.deeds().stream().map(deed -> deed.part().number()).toList();
  }

  @Test
  void withoutBoundsNothingGoes() {
    assertEquals(
        new RetentionPlan(List.of(), false, ""),
        RetentionPlan.of(facts(0, 940L, 900L), archive(0, 0, 0)));
  }

  @Test
  void ageSizeAndCountEachLetTheOldestGoFirst() {
    RetentionPlan age = RetentionPlan.of(facts(0, 940L), archive(7, 0, 0));
    assertEquals(List.of(1, 2, 3), numbers(age));
    assertTrue(age.deeds().getFirst().reason().contains("log_retention_days is 7"), age::toString);
    assertEquals(
        List.of(1, 2, 3, 4), numbers(RetentionPlan.of(facts(0, 940L), archive(0, 6000, 0))));
    assertEquals(
        List.of(1, 2, 3, 4, 5, 6), numbers(RetentionPlan.of(facts(0, 940L), archive(0, 0, 350))));
    assertEquals(List.of(3, 4), numbers(RetentionPlan.of(facts(2, 940L), archive(0, 6000, 0))));
  }

  @Test
  void archivingWaitsForASnapshotAndRemovingForTwo() {
    RetentionPlan none = RetentionPlan.of(facts(0), archive(1, 0, 0));
    assertEquals(List.of(), numbers(none));
    assertTrue(none.wantsSnapshot());
    RetentionPlan one = RetentionPlan.of(facts(0, 250L), archive(1, 0, 0));
    assertEquals(List.of(1, 2), numbers(one));
    assertTrue(one.wantsSnapshot() && one.heldBack().contains("generation 3 waits"));
    Bounds delete = new Bounds(1, 0, 0, true, 0, 0);
    assertEquals(List.of(), numbers(RetentionPlan.of(facts(0, 900L), delete)));
    assertEquals(List.of(1, 2), numbers(RetentionPlan.of(facts(0, 900L, 250L), delete)));
  }

  @Test
  void anOpenIntentHoldsItsEventsBack() {
    Facts open = new Facts(ten(0), 950, List.of(940L, 930L), 251, NOW);
    RetentionPlan plan = RetentionPlan.of(open, archive(1, 0, 0));
    assertEquals(List.of(1, 2), numbers(plan));
    assertTrue(plan.heldBack().contains("event 251 opened"), plan.heldBack());
  }

  @Test
  void theArchiveHasBoundsOfItsOwn() {
    Bounds both = new Bounds(5, 0, 0, false, 8, 0);
    RetentionPlan plan = RetentionPlan.of(facts(4, 940L, 930L), both);
    assertEquals(List.of(1, 2, 5), numbers(plan));
    assertTrue(plan.deeds().get(1) instanceof RetentionPlan.Remove);
    assertTrue(plan.deeds().get(2) instanceof RetentionPlan.Pack);
    assertEquals(
        List.of(1, 2),
        numbers(RetentionPlan.of(facts(4, 940L, 930L), new Bounds(0, 0, 0, false, 0, 2500))));
  }

  @Test
  void whoAsksForEverythingGetsWhatLiesBeforeTheNewestSnapshot() {
    assertEquals(List.of(3, 4, 5), numbers(RetentionPlan.everything(facts(2, 555L))));
  }

  @Property(tries = 500)
  void whateverTheBoundsWhatIsNeededStaysAndNoGapIsMade(@ForAll long seed) {
    Random random = new Random(seed);
    List<Long> snapshots = new ArrayList<>();
    for (long s = 940; s > 0 && random.nextInt(4) > 0; s -= 1 + random.nextInt(300)) {
      snapshots.add(s);
    }
    int archived = random.nextInt(10);
    long open = random.nextBoolean() ? Long.MAX_VALUE : 1 + random.nextInt(950);
    Bounds bounds =
        new Bounds(
            random.nextInt(12),
            random.nextInt(12_000),
            random.nextInt(1200),
            random.nextBoolean(),
            random.nextInt(12),
            random.nextInt(12_000));
    Facts facts = new Facts(ten(archived), 950, snapshots, open, NOW);
    RetentionPlan plan = RetentionPlan.of(facts, bounds);
    int removed = 0;
    int packed = archived;
    for (RetentionPlan.Deed deed : plan.deeds()) {
      Part part = deed.part();
      assertTrue(part.ended() && part.lastSequence() < open);
      switch (deed) {
        case RetentionPlan.Remove remove -> {
          assertEquals(++removed, part.number());
          assertTrue(snapshots.get(1) >= part.lastSequence());
        }
        case RetentionPlan.Pack pack -> {
          assertEquals(++packed, part.number());
          assertTrue(snapshots.get(0) >= part.lastSequence());
        }
      }
    }
  }
}
