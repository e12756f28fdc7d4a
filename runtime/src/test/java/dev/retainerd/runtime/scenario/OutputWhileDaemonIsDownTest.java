package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Case 17: numbered lines as fast as a shell writes them, the daemon dead, the shim killed twice.
 */
@Tag("real")
class OutputWhileDaemonIsDownTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** Each line: its number, the uptime at which it was written, and padding. */
  private static final String WRITER =
      "trap 'exit 3' TERM; p="
          + "x".repeat(300)
          + "; i=1; while read u r </proc/uptime; do echo $i $u $p; i=$((i+1)); done";

  private Node node;
  private Pods pods;

  @BeforeEach
  void start() {
    node = Node.started();
    pods = new Pods(node);
    node.importImage("k8s.io");
  }

  @AfterEach
  void close() {
    node.close();
  }

  /** Not the parent: a container that was adopted keeps the one that it fell to. */
  private long hostingShim() {
    return node.retainctl("shim", "ls")
        .expectSuccess()
        .lines()
        .map(line -> line.strip().split("\\s+"))
        .filter(fields -> fields.length > 2 && fields[2].equals("running"))
        .mapToLong(fields -> Long.parseLong(fields[1]))
        .findFirst()
        .orElseThrow();
  }

  private Path log() {
    return node.pods().resolve("p").resolve("c.log");
  }

  private void flows() throws Exception {
    long before = Files.size(log());
    Eventually.holds("output that flows", PATIENCE, () -> Files.size(log()) > before + 100_000);
  }

  private void disturbed(Duration daemonDead) throws Exception {
    String container = pods.start(pods.run("p"), "p", "c", WRITER);
    Eventually.holds("output", PATIENCE, () -> Files.exists(log()) && Files.size(log()) > 0);
    for (int kill = 0; kill < 2; kill++) {
      flows();
      Host.kill9(hostingShim());
      flows();
    }
    node.killDaemon();
    long until = System.nanoTime() + daemonDead.toNanos();
    while (System.nanoTime() < until) {
      flows();
    }
    node.start();
    flows();
    pods.stop(container, 20);
    assertEquals(3, pods.status(container).getExitCode());
    long stallMillis = expectNumbered();
    System.out.println("the longest time between two lines was " + stallMillis + " ms");
    // 250 ms on a machine of its own; here others compete for the cores.
    assertTrue(stallMillis < 3_000, "a write stalled for " + stallMillis + " ms");
  }

  /** Fails at a gap or a repetition; the longest time between two lines, to 10 ms. */
  private long expectNumbered() throws Exception {
    long wanted = 1;
    double last = -1;
    double longest = 0;
    try (BufferedReader lines = Files.newBufferedReader(log())) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] fields = line.split(" ", 6);
        assertEquals(Long.toString(wanted), fields[3], "line " + wanted);
        wanted++;
        double at = Double.parseDouble(fields[4]);
        longest = last < 0 ? 0 : Math.max(longest, at - last);
        last = at;
      }
    }
    assertTrue(wanted > 1000, "only " + wanted + " lines");
    return Math.round(longest * 1000);
  }

  @Test
  void noLineIsLostOrDoubled() throws Exception {
    disturbed(Duration.ofSeconds(2));
  }

  @Test
  @Tag("soak")
  void noLineIsLostOrDoubledInAMinuteWithoutDaemon() throws Exception {
    disturbed(Duration.ofSeconds(60));
  }
}
