package dev.retainerd.runtime.containerd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.grpc.GrpcServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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

  /** What a run of ctr left: its exit code and both streams together. */
  private record Run(int code, String output) {}

  @BeforeEach
  void serve() throws Exception {
    var namespaces = new Namespaces(records);
    server =
        GrpcServer.start(
            GrpcServer.Options.forRoot(folder.resolve("api.sock")),
            List.of(
                new VersionApi("0.1.0", "abc123"),
                new IntrospectionApi(records, "/snapshots"),
                new NamespacesApi(records),
                new ContainersApi(records, namespaces),
                new LeasesApi(records, namespaces),
                new EventsApi(records.exchange)));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private Process start(Path output, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("ctr", "-a", server.socket().toString()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(output.toFile())
        .start();
  }

  private Run ctr(String... arguments) throws Exception {
    Path output = Files.createTempFile(folder, "ctr", ".out");
    Process process = start(output, arguments);
    assertTrue(process.waitFor(30, TimeUnit.SECONDS), "ctr hangs");
    return new Run(process.exitValue(), Files.readString(output));
  }

  private String succeeds(String... arguments) throws Exception {
    Run run = ctr(arguments);
    assertEquals(0, run.code(), run.output());
    return run.output();
  }

  private String fails(String... arguments) throws Exception {
    Run run = ctr(arguments);
    assertFalse(run.code() == 0, run.output());
    return run.output();
  }

  @Test
  void versionIsOurs() throws Exception {
    String output = succeeds("version");
    assertTrue(output.contains("0.1.0") && output.contains("abc123"), output);
  }

  @Test
  void namespacesAreMadeLabelledAndRemoved() throws Exception {
    succeeds("ns", "create", "one", "color=red");
    assertTrue(fails("ns", "create", "one").contains("already exists"));
    succeeds("ns", "label", "one", "size=big");
    String list = succeeds("ns", "ls");
    assertTrue(list.contains("one") && list.contains("color=red,size=big"), list);
    succeeds("ns", "rm", "one");
    assertFalse(succeeds("ns", "ls").contains("one"));
    assertTrue(fails("ns", "create", "../one").contains("identifier"));
  }

  @Test
  void leasesAreMadeAndRemoved() throws Exception {
    String id = succeeds("leases", "create", "--id", "keep", "k=v").strip();
    assertEquals("keep", id);
    assertTrue(succeeds("leases", "ls").contains("keep"));
    assertTrue(succeeds("leases", "ls").contains("k=v"));
    succeeds("leases", "rm", "keep");
    assertFalse(succeeds("leases", "ls").contains("keep"));
  }

  @Test
  void containersAreListedAndAnUnknownOneIsNamed() throws Exception {
    assertTrue(succeeds("c", "ls").contains("CONTAINER"));
    String output = fails("c", "info", "nobody");
    assertTrue(output.contains("nobody") && output.contains("not found"), output);
  }

  @Test
  void whatIsNotServedSaysSo() throws Exception {
    String output = fails("content", "ls");
    assertTrue(output.contains("containerd.services.content.v1.Content/List"), output);
  }

  @Test
  void eventsAreShownAsTheyHappen() throws Exception {
    Path output = folder.resolve("events");
    Process events = start(output, "events");
    try {
      // Until ctr has subscribed, what happens is not for it.
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
      int i = 0;
      while (!Files.readString(output).contains("/namespaces/create")) {
        assertTrue(System.nanoTime() < deadline, Files.readString(output));
        succeeds("ns", "create", "n" + i++);
      }
    } finally {
      events.destroy();
      assertTrue(events.waitFor(10, TimeUnit.SECONDS));
    }
    assertTrue(Files.readString(output).contains("{\"name\":\"n"), Files.readString(output));
  }
}
