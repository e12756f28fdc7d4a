package dev.retainerd.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.retainerd.eventlog.proto.SnapshotRecord;
import dev.retainerd.runtime.archive.TarBuilder;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.program.Program;
import dev.retainerd.runtime.registry.Credentials;
import dev.retainerd.store.proto.ContentEntry;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Case 22, images committed but empty after a cut: a daemon killed at each step of a pull;
 * afterwards the image is absent, or every file of it verifies, and the next pull succeeds.
 */
@Tag("real")
class ImageCommittedButEmptyTest {
  @TempDir Path temp;
  private final AtomicLong served = new AtomicLong();
  private final CountDownLatch stalled = new CountDownLatch(1);
  private volatile long stallAt = Long.MAX_VALUE;
  private final Map<String, byte[]> documents = new HashMap<>();
  private HttpServer registry;
  private String image;

  @BeforeEach
  void serve() throws IOException {
    registry = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 0);
    registry.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    registry.createContext("/", this::answer);
    registry.start();
    image = "127.0.0.1:" + registry.getAddress().getPort() + "/app:v1";
  }

  @AfterEach
  void stop() {
    registry.stop(0);
  }

  private void publish(TestImage made) {
    documents.put("/v2/app/manifests/v1", made.manifest());
    documents.put("/v2/app/blobs/" + made.id(), made.config());
    for (byte[] layer : made.layers) {
      documents.put("/v2/app/blobs/" + Digest.of(layer), layer);
    }
  }

  /** A registry that counts what it sends, and stops in the middle of it when told. */
  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = documents.get(exchange.getRequestURI().getPath());
      if (body == null) {
        exchange.sendResponseHeaders(404, -1);
        return;
      }
      String range = exchange.getRequestHeaders().getFirst("Range");
      int from = range == null ? 0 : Integer.parseInt(range.substring(6, range.length() - 1));
      exchange.sendResponseHeaders(from == 0 ? 200 : 206, body.length - from);
      for (int at = from; at < body.length; at += 64 * 1024) {
        int part = Math.min(64 * 1024, body.length - at);
        if (served.get() + part > stallAt) {
          exchange.getResponseBody().flush();
          stalled.countDown();
          sleepUntilStopped();
          return;
        }
        exchange.getResponseBody().write(body, at, part);
        served.addAndGet(part);
      }
    }
  }

  private static void sleepUntilStopped() {
    try {
      Thread.sleep(60_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static TestImage small() {
    return new TestImage()
        .layer(new TarBuilder().folder("a", 0755).file("a/one", "1".repeat(70_000)).build())
        .layer(new TarBuilder().folder("b", 0755).file("b/two", "2".repeat(80_000)).build());
  }

  private Process pullInAnotherProcess(Path root, String failpoint) throws IOException {
    List<String> flags =
        new ArrayList<>(
            ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(flag -> flag.startsWith("--") || flag.startsWith("-Dchronicle"))
                .toList());
    flags.add("-Dretainerd.failpoint=" + failpoint);
    flags.add("-XX:TieredStopAtLevel=1");
    List<String> command = Program.java(flags, PullOnce.class, root.toString(), image);
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(temp.resolve("daemon.log").toFile())
        .start();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "PULL_INTENT_RECORDED",
        "CONTENT_COMMITTED_ON_DISK:2",
        "CONTENT_COMMITTED_RECORDED:3",
        "SNAPSHOT_INTENT_RECORDED",
        "SNAPSHOT_FOLDER_MADE",
        "SNAPSHOT_FOLDER_MADE:2",
        "PULL_FETCHED",
        "SNAPSHOT_COMMITTED_RECORDED",
        "PULL_UNPACKED",
        "PULL_OUTCOME_RECORDED"
      })
  void afterAKillTheImageIsAbsentOrWhole(String failpoint) throws Exception {
    TestImage made = small();
    publish(made);
    Path root = Files.createDirectories(temp.resolve("root"));
    Process daemon = pullInAnotherProcess(root, failpoint);
    assertTrue(daemon.waitFor(60, TimeUnit.SECONDS));
    assertEquals(137, daemon.exitValue(), () -> log());
    try (PullOnce restarted = new PullOnce(root)) {
      NodeFixture node = restarted.node;
      assertWhole(node, made);
      assertEquals(
          made.id(), node.images.pull(NodeFixture.ORIGIN, image, Credentials.ANONYMOUS, ""));
      assertWhole(node, made);
      assertEquals(1, node.images.list().size());
      assertEquals(2, node.folders.list().size());
    }
  }

  private String log() {
    try {
      return Files.readString(temp.resolve("daemon.log"));
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** No open intent, no file without a record, no record without its files. */
  private static void assertWhole(NodeFixture node, TestImage made) throws IOException {
    assertEquals(0, node.journal.state().count(Kind.OPERATION));
    for (ContentEntry entry : node.content.list("k8s.io")) {
      Digest digest = Digest.parse(entry.getDigest());
      assertEquals(digest, Digest.of(node.content.bytes("k8s.io", digest, 1 << 20)));
    }
    assertEquals(
        node.content.list("k8s.io").stream().map(ContentEntry::getDigest).sorted().toList(),
        node.store.list().stream().map(Digest::toString).sorted().toList());
    List<SnapshotRecord> snapshots = node.snapshots.list("k8s.io");
    assertEquals(
        snapshots.stream().map(SnapshotRecord::getFolder).sorted().toList(),
        node.folders.list().stream().sorted().toList());
    List<String> chain = ChainIds.of(made.diffIds);
    for (SnapshotRecord record : snapshots) {
      String file = record.getKey().equals(chain.get(0)) ? "a/one" : "b/two";
      String text = Files.readString(node.folders.files(record.getFolder()).resolve(file));
      assertTrue(text.length() >= 70_000, file);
    }
    for (NodeImage one : node.images.list()) {
      assertTrue(node.snapshots.isCommitted("k8s.io", one.chainId()), one.id());
    }
  }

  @Test
  void aPullKilledAtHalfFetchesOnlyTheRestAgain() throws Exception {
    byte[] random = new byte[8 << 20];
    new Random(3).nextBytes(random);
    TestImage made =
        new TestImage().layer(new TarBuilder().file("big", random, 0644, 0, Map.of()).build());
    publish(made);
    long size = made.layers.get(0).length;
    stallAt = size / 2;
    Path root = Files.createDirectories(temp.resolve("root"));
    Process daemon = pullInAnotherProcess(root, "");
    assertTrue(stalled.await(60, TimeUnit.SECONDS), this::log);
    awaitIngested(root, size * 46 / 100);
    daemon.destroyForcibly().waitFor();
    stallAt = Long.MAX_VALUE;
    served.set(0);
    try (PullOnce restarted = new PullOnce(root)) {
      restarted.node.images.pull(NodeFixture.ORIGIN, image, Credentials.ANONYMOUS, "");
      assertUnpacked(restarted.node, made);
    }
    assertTrue(served.get() <= size * 55 / 100, served + " bytes again of " + size);
  }

  private static void assertUnpacked(NodeFixture node, TestImage made) throws IOException {
    long folder = node.snapshots.stat("k8s.io", made.diffIds.get(0)).getFolder();
    assertEquals(8 << 20, Files.size(node.folders.files(folder).resolve("big")));
  }

  private static void awaitIngested(Path root, long bytes) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (System.nanoTime() < deadline) {
      try (var files = Files.walk(root.resolve("content/ingest"))) {
        if (files
            .filter(f -> f.toString().endsWith(".data"))
            .anyMatch(f -> f.toFile().length() >= bytes)) {
          return;
        }
      }
      TimeUnit.MILLISECONDS.sleep(20);
    }
    throw new AssertionError("the ingest did not reach " + bytes + " bytes");
  }
}
