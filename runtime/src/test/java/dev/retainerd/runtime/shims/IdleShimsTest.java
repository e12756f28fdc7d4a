package dev.retainerd.runtime.shims;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.retainerd.eventlog.proto.ProcessIdentity;
import dev.retainerd.store.proto.ShimEntry;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Which empty shims stay, and for how long. */
class IdleShimsTest {
  private static final long SECOND = 1_000_000_000L;

  private final IdleShims idle = new IdleShims(1, Duration.ofSeconds(60));

  private static ShimEntry shim(String id, long startTicks) {
    return ShimEntry.newBuilder()
        .setId(id)
        .setProcess(ProcessIdentity.newBuilder().setStartTimeTicks(startTicks))
        .build();
  }

  private static final ShimEntry OLD = shim("old", 1);
  private static final ShimEntry NEWER = shim("newer", 2);
  private static final ShimEntry NEWEST = shim("newest", 3);

  @Test
  void spareStaysForGood() {
    assertEquals(List.of(), idle.judge(List.of(OLD), 0).toEnd());
    IdleShims.Verdict later = idle.judge(List.of(OLD), 3600 * SECOND);
    assertEquals(List.of(), later.toEnd());
    assertEquals(Optional.empty(), later.askAgain());
  }

  @Test
  void oneMoreWaitsForTheNextOwnerAndThenTheOlderEnds() {
    idle.judge(List.of(NEWER), 0);
    IdleShims.Verdict both = idle.judge(List.of(NEWER, OLD), 100 * SECOND);
    assertEquals(List.of(), both.toEnd());
    assertEquals(Optional.of(Duration.ofSeconds(60)), both.askAgain());
    IdleShims.Verdict soon = idle.judge(List.of(NEWER, OLD), 130 * SECOND);
    assertEquals(Optional.of(Duration.ofSeconds(30)), soon.askAgain());
    assertEquals(List.of("old"), idle.judge(List.of(NEWER, OLD), 160 * SECOND).toEnd());
  }

  @Test
  void oneThatIsUsedInBetweenWaitsAnew() {
    idle.judge(List.of(NEWER, OLD), 0);
    idle.judge(List.of(NEWER), 50 * SECOND);
    assertEquals(List.of(), idle.judge(List.of(NEWER, OLD), 70 * SECOND).toEnd());
    assertEquals(List.of(), idle.judge(List.of(NEWER, OLD), 129 * SECOND).toEnd());
    assertEquals(List.of("old"), idle.judge(List.of(NEWER, OLD), 130 * SECOND).toEnd());
  }

  @Test
  void ofManyAllButTwoEndAtOnceAndTheOldestFirst() {
    assertEquals(List.of("old"), idle.judge(List.of(NEWEST, OLD, NEWER), 0).toEnd());
  }

  @Test
  void withoutSparesTheLastOneEndsTooAfterItsWait() {
    IdleShims none = new IdleShims(0, Duration.ofSeconds(60));
    assertEquals(List.of(), none.judge(List.of(OLD), 0).toEnd());
    assertEquals(List.of("old"), none.judge(List.of(OLD), 60 * SECOND).toEnd());
    IdleShims never = new IdleShims(1, Duration.ZERO);
    assertEquals(List.of("old"), never.judge(List.of(OLD, NEWER), 0).toEnd());
  }
}
