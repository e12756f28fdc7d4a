package dev.retainerd.runtime.containerd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.grpc.GrpcServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Debian's own {@code ctr} against the services that only keep records. */
@Tag("real")
class CtrRecordsTest {
  @TempDir Path folder;
  private final MemoryRecords records = new MemoryRecords();
  private GrpcServer server;
  private Ctr ctr;

  @BeforeEach
  void serve() throws Exception {
    var namespaces = new Namespaces(records);
    server =
        GrpcServer.start(
            GrpcServer.Options.forRoot(folder.resolve("api.sock")),
            List.of(
                new VersionApi("0.1.0", "abc123"),
                new IntrospectionApi(records, "1.0", "/snapshots", java.util.List.of("overlayfs")),
                new NamespacesApi(records),
                new ContainersApi(records, namespaces),
                new LeasesApi(records, namespaces),
                new EventsApi(records.exchange)));
    ctr = new Ctr(server.socket(), folder);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void versionIsOurs() throws Exception {
    String output = ctr.succeeds("version");
    assertTrue(output.contains("0.1.0") && output.contains("abc123"), output);
  }

  @Test
  void namespacesAreMadeLabelledAndRemoved() throws Exception {
    ctr.succeeds("ns", "create", "one", "color=red");
    assertTrue(ctr.fails("ns", "create", "one").contains("already exists"));
    ctr.succeeds("ns", "label", "one", "size=big");
    String list = ctr.succeeds("ns", "ls");
    assertTrue(list.contains("one") && list.contains("color=red,size=big"), list);
    ctr.succeeds("ns", "rm", "one");
    assertFalse(ctr.succeeds("ns", "ls").contains("one"));
    assertTrue(ctr.fails("ns", "create", "../one").contains("identifier"));
  }

  @Test
  void leasesAreMadeAndRemoved() throws Exception {
    String id = ctr.succeeds("leases", "create", "--id", "keep", "k=v").strip();
    assertEquals("keep", id);
    assertTrue(ctr.succeeds("leases", "ls").contains("keep"));
    assertTrue(ctr.succeeds("leases", "ls").contains("k=v"));
    ctr.succeeds("leases", "rm", "keep");
    assertFalse(ctr.succeeds("leases", "ls").contains("keep"));
  }

  @Test
  void containersAreListedAndAnUnknownOneIsNamed() throws Exception {
    assertTrue(ctr.succeeds("c", "ls").contains("CONTAINER"));
    String output = ctr.fails("c", "info", "nobody");
    assertTrue(output.contains("nobody") && output.contains("not found"), output);
  }

  @Test
  void whatIsNotServedSaysSo() throws Exception {
    String output = ctr.fails("content", "ls");
    assertTrue(output.contains("containerd.services.content.v1.Content/List"), output);
  }

  @Test
  void eventsAreShownAsTheyHappen() throws Exception {
    Path output = folder.resolve("events");
    Process events = ctr.start(output, "events");
    try {
      // Until ctr has subscribed, what happens is not for it.
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
      int i = 0;
      while (!Files.readString(output).contains("/namespaces/create")) {
        assertTrue(System.nanoTime() < deadline, Files.readString(output));
        ctr.succeeds("ns", "create", "n" + i++);
      }
    } finally {
      events.destroy();
      assertTrue(events.waitFor(10, TimeUnit.SECONDS));
    }
    assertTrue(Files.readString(output).contains("{\"name\":\"n"), Files.readString(output));
  }
}
