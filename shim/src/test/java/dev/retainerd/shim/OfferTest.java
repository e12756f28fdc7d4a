package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.retain.OfferRequest;
import dev.retainerd.shim.wire.task.StateRequest;
import dev.retainerd.shim.wire.task.WaitRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A create is done by a shim that takes it, and never by one that it was taken back from. */
@Tag("real")
class OfferTest {
  private ShimHarness harness;

  @BeforeEach
  void start() throws Exception {
    harness = new ShimHarness();
  }

  @AfterEach
  void close() throws Exception {
    harness.close();
  }

  private OfferRequest offer(Path bundle, String name) {
    return OfferRequest.newBuilder()
        .setCreate(harness.request("c1", bundle).build().toByteString())
        .setOffer(name)
        .build();
  }

  private TtrpcException refused(OfferRequest request) {
    return assertThrows(
        TtrpcException.class,
        () ->
            harness.tasks.offer(request, ShimHarness.PATIENCE, ShimHarness.PATIENCE, () -> false));
  }

  @Test
  void anOfferIsTakenOnce() throws Exception {
    Path bundle = harness.bundle("c1", "sh", "-c", "exit 7");
    Path offer = Files.createFile(bundle.resolve("offer"));
    int pid =
        harness
            .tasks
            .offer(offer(bundle, "offer"), ShimHarness.PATIENCE, ShimHarness.PATIENCE, () -> false)
            .orElseThrow()
            .getPid();
    assertTrue(pid > 0);
    assertFalse(Files.exists(offer));
    assertEquals(
        7,
        harness
            .tasks
            .await(WaitRequest.newBuilder().setId("c1").build())
            .get(20, TimeUnit.SECONDS)
            .getExitStatus());
    assertEquals(StatusCode.FAILED_PRECONDITION, refused(offer(bundle, "offer")).code());
  }

  @Test
  void aStoppedShimDoesNotDoWhatWasTakenBack() throws Exception {
    Path bundle = harness.bundle("c1", "sleep", "1000");
    Path offer = Files.createFile(bundle.resolve("offer"));
    signal("STOP");
    Optional<?> made;
    try {
      made =
          harness.tasks.offer(
              offer(bundle, "offer"),
              ShimHarness.PATIENCE,
              Duration.ofMillis(50),
              () -> offer.toFile().delete());
    } finally {
      signal("CONT");
    }
    assertEquals(Optional.empty(), made);
    // It comes to the next call only after the one that was taken back.
    TtrpcException unknown =
        assertThrows(
            TtrpcException.class,
            () ->
                harness.tasks.state(
                    StateRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE));
    assertEquals(StatusCode.NOT_FOUND, unknown.code());
    assertEquals(List.of(), ShimHarness.leftOf("c1"));
    Files.createFile(bundle.resolve("another"));
    assertTrue(refused(offer(bundle, "offer")).getMessage().contains("c1 was taken back"));
    assertTrue(Files.exists(bundle.resolve("another")));
  }

  private void signal(String name) throws Exception {
    int code =
        new ProcessBuilder("kill", "-" + name, Long.toString(harness.process.pid()))
            .start()
            .waitFor();
    assertEquals(0, code);
  }
}
