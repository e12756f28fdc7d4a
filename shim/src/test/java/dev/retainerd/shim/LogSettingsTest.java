package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.retain.LogSettingsRequest;
import dev.retainerd.shim.wire.retain.LogSettingsResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Line limit, rate and rotation of a log, changed while its container runs. */
@Tag("real")
class LogSettingsTest {
  private static final String LINES =
      "i=0; while [ $i -lt 3000 ]; do echo line $i "
          + "x".repeat(190)
          + "; i=$((i+1)); done; while [ ! -e /tmp/go ]; do sleep 0.01; done; exit 3";

  private ShimHarness harness;

  @BeforeEach
  void start() throws Exception {
    harness = new ShimHarness();
  }

  @AfterEach
  void stop() throws Exception {
    harness.close();
  }

  private Path run(String query, String script) throws Exception {
    Path bundle = harness.bundle("c1", "sh", "-c", script);
    Path log = bundle.resolve("out.log");
    harness.tasks.create(
        harness.request("c1", bundle).setStdout("cri://" + log + query).build(),
        ShimHarness.PATIENCE);
    harness.start("c1");
    return log;
  }

  private LogSettingsRequest.Builder change() {
    return LogSettingsRequest.newBuilder().setNamespace(ShimHarness.NAMESPACE).setId("c1");
  }

  private void go() throws Exception {
    Files.writeString(harness.root.resolve("bundles/c1/rootfs/tmp/go"), "");
  }

  private static String wanted() {
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < 3000; i++) {
      all.append("line ").append(i).append(' ').append("x".repeat(190)).append('\n');
    }
    return all.toString();
  }

  /** The container waits for its rate; a successor holds it to it; lifted, it runs free. */
  @Test
  void rateHoldsAContainerBackAcrossShimsAndCanBeLifted() throws Exception {
    long begin = System.nanoTime();
    Path log = run("?bytes_per_second=50000", LINES);
    ShimHarness.awaitTrue("some output", () -> Files.size(log) > 60_000);
    harness.killShim();
    harness.startShim();
    assertTrue(harness.adopt("c1", "").getAdopted());
    ShimHarness.awaitTrue("more output", () -> Files.size(log) > 130_000);
    // A second's worth at once, twice, and then 50 kB/s.
    double seconds = (System.nanoTime() - begin) / 1e9;
    assertTrue(seconds > 0.5 && Files.size(log) < 250_000, seconds + " s: " + Files.size(log));
    LogSettingsResponse now =
        harness.shim.logSettings(change().setBytesPerSecond(0).build(), ShimHarness.PATIENCE);
    assertEquals(0, now.getBytesPerSecond());
    assertEquals(16_384, now.getMaxLineBytes());
    go();
    assertEquals(3, harness.await("c1", "").getExitStatus());
    assertEquals(wanted(), ShimHarness.content(log));
    harness.delete("c1");
  }

  /** Rotated by the shim under flowing output and under kills, without a lost or doubled line. */
  @Test
  void rotationByTheShimLosesNoLine() throws Exception {
    // Slow enough to be met in its middle.
    Path log = run("?bytes_per_second=200000", LINES);
    harness.shim.logSettings(
        change().setMaxFileBytes(32 << 10).setMaxFiles(100).build(), ShimHarness.PATIENCE);
    for (int i = 0; i < 3; i++) {
      harness.killShim();
      harness.startShim();
      assertTrue(harness.adopt("c1", "").getAdopted());
    }
    go();
    assertEquals(3, harness.await("c1", "").getExitStatus());
    StringBuilder all = new StringBuilder();
    int files = 0;
    for (int i = 99; i >= 1; i--) {
      Path old = log.resolveSibling(log.getFileName() + "." + i);
      if (Files.exists(old)) {
        all.append(ShimHarness.content(old));
        files++;
      }
    }
    assertEquals(wanted(), all + ShimHarness.content(log));
    assertTrue(files >= 3, "rotated only " + files + " times");
    harness.delete("c1");
  }

  @Test
  void whatIsNoSettingIsRefusedAndChangesNothing() throws Exception {
    run("?max_line_bytes=10", "echo 0123456789abcdef; sleep 1000");
    TtrpcException refused =
        assertThrows(
            TtrpcException.class,
            () ->
                harness.shim.logSettings(
                    change().setMaxFiles(1).setMaxLineBytes(99).build(), ShimHarness.PATIENCE));
    assertEquals(StatusCode.INVALID_ARGUMENT, refused.code());
    LogSettingsResponse now = harness.shim.logSettings(change().build(), ShimHarness.PATIENCE);
    assertEquals(10, now.getMaxLineBytes());
    Path other = harness.bundle("c2", "sleep", "1000");
    harness.tasks.create(harness.request("c2", other).build(), ShimHarness.PATIENCE);
    assertEquals(
        StatusCode.FAILED_PRECONDITION,
        assertThrows(
                TtrpcException.class,
                () -> harness.shim.logSettings(change().setId("c2").build(), ShimHarness.PATIENCE))
            .code());
    for (String query : List.of("?max_files=0", "?colour=1", "?max_line_bytes=many")) {
      Path bundle = harness.bundle("c" + query.hashCode(), "true");
      assertEquals(
          StatusCode.INVALID_ARGUMENT,
          assertThrows(
                  TtrpcException.class,
                  () ->
                      harness.tasks.create(
                          harness
                              .request("c" + query.hashCode(), bundle)
                              .setStdout("cri://" + bundle.resolve("log") + query)
                              .build(),
                          ShimHarness.PATIENCE))
              .code());
    }
    for (String id : List.of("c1", "c2")) {
      harness.kill(id, 9);
      harness.await(id, "");
      harness.delete(id);
    }
  }
}
