package dev.retainerd.runtime.containerd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.runtime.content.ContentStore;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.MemoryLog;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.grpc.GrpcServer;
import dev.retainerd.runtime.grpc.UnixChannels;
import dev.retainerd.runtime.image.ContentService;
import dev.retainerd.runtime.image.DiffService;
import dev.retainerd.runtime.image.Scope;
import dev.retainerd.runtime.image.SnapshotService;
import dev.retainerd.runtime.snapshot.OverlayFolders;
import dev.retainerd.wire.containerd.services.content.v1.ContentGrpc;
import dev.retainerd.wire.containerd.services.content.v1.ListContentRequest;
import dev.retainerd.wire.containerd.services.content.v1.ListContentResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Debian's own {@code ctr} with images: its client does the work, call by call, over our services.
 */
@Tag("real")
class CtrImagesTest {
  private static final String NAME = "docker.io/library/tiny:1";

  @TempDir Path folder;
  private Journal journal;
  private GrpcServer server;
  private Ctr ctr;
  private ContentService content;

  @BeforeEach
  void serve() throws Exception {
    journal = MemoryLog.journal();
    var records = new JournalRecords(journal);
    var namespaces = new Namespaces(records);
    content = new ContentService(journal, ContentStore.open(folder.resolve("content")));
    var snapshots = new SnapshotService(journal, OverlayFolders.open(folder.resolve("snapshots")));
    server =
        GrpcServer.start(
            GrpcServer.Options.forRoot(folder.resolve("api.sock")),
            List.of(
                new IntrospectionApi(records, "1.0", "/snapshots", java.util.List.of("overlayfs")),
                new NamespacesApi(records),
                new ContainersApi(records, namespaces),
                new LeasesApi(records, namespaces),
                new ImagesApi(records, namespaces, namespace -> {}),
                new ContentApi(namespaces, content),
                new SnapshotsApi(namespaces, snapshots),
                new DiffApi(namespaces, new DiffService(content)),
                new EventsApi(JournalRecords.exchange(journal))));
    ctr = new Ctr(server.socket(), folder);
  }

  @AfterEach
  void stop() {
    server.close();
    journal.close();
  }

  /** An OCI archive with one layer, made by the tools of the host. */
  private Path archive() throws Exception {
    Path archive = folder.resolve("tiny.tar");
    Process made =
        new ProcessBuilder("bash", "-euc", TinyImage.SCRIPT, "tiny", folder.toString(), NAME)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("made").toFile())
            .start();
    assertTrue(made.waitFor(60, TimeUnit.SECONDS));
    assertEquals(0, made.exitValue(), Files.readString(folder.resolve("made")));
    return archive;
  }

  @Test
  void anImageIsImportedListedCheckedTaggedAndRemoved() throws Exception {
    ctr.succeeds("images", "import", archive().toString());
    String list = ctr.succeeds("images", "ls");
    assertTrue(list.contains(NAME) && list.contains("linux/"), list);
    String check = ctr.succeeds("images", "check");
    assertTrue(check.contains("complete (2/2)") && check.contains("true"), check);
    ctr.succeeds("images", "tag", NAME, "tiny:again");
    assertTrue(ctr.succeeds("images", "ls", "-q").contains("tiny:again"));
    ctr.succeeds("images", "label", NAME, "k=v");
    assertTrue(ctr.succeeds("images", "ls").contains("k=v"));
    ctr.succeeds("images", "rm", NAME);
    assertFalse(ctr.succeeds("images", "ls", "-q").contains(NAME));
    assertTrue(ctr.fails("images", "tag", NAME, "other").contains("not found"));
  }

  @Test
  void contentIsListedReadLabelledAndDeleted() throws Exception {
    ctr.succeeds("images", "import", archive().toString());
    String list = ctr.succeeds("content", "ls");
    assertTrue(list.contains("containerd.io/gc.ref.content"), list);
    String digest = ctr.succeeds("content", "ls", "-q").lines().findFirst().orElseThrow().strip();
    Path blob = folder.resolve("content/blobs/sha256").resolve(digest.substring(7));
    assertTrue(Files.exists(blob), digest);
    ctr.succeeds("content", "label", digest, "k=v");
    assertTrue(ctr.succeeds("content", "ls").contains("k=v"));
    ctr.succeeds("content", "rm", digest);
    assertFalse(ctr.succeeds("content", "ls", "-q").contains(digest));
    assertFalse(Files.exists(blob));
  }

  @Test
  void snapshotsOfAnImageAreSeenPreparedAndRemoved() throws Exception {
    ctr.succeeds("images", "import", archive().toString());
    String list = ctr.succeeds("snapshots", "ls");
    assertTrue(list.contains("Committed"), list);
    String chain = list.lines().skip(1).findFirst().orElseThrow().split(" ")[0];
    String mounts = ctr.succeeds("snapshots", "prepare", "--target", "/mnt/x", "mine", chain);
    assertTrue(mounts.contains("mount -t overlay"), mounts);
    assertTrue(ctr.succeeds("snapshots", "ls").contains("Active"));
    assertTrue(ctr.succeeds("snapshots", "usage", "mine").contains("mine"));
    assertTrue(ctr.fails("snapshots", "rm", chain).contains("failed precondition"));
    ctr.succeeds("snapshots", "rm", "mine");
    assertTrue(ctr.fails("snapshots", "rm", "mine").contains("not found"));
    assertTrue(ctr.succeeds("snapshots", "tree").contains(chain));
  }

  /** Lists of any length come in parts: none may grow beyond what a message can hold. */
  @Test
  void aLongListOfContentComesInParts() throws Exception {
    int most = 0;
    Set<String> listed = new HashSet<>();
    Set<String> made = new HashSet<>();
    for (int i = 0; i < 450; i++) {
      byte[] blob = ("blob " + i).getBytes(StandardCharsets.UTF_8);
      made.add(
          content
              .put(Scope.of(new Origin(Actor.daemon(), "", 0), "many"), blob, Map.of())
              .toString());
    }
    try (UnixChannels client = UnixChannels.open(server.socket())) {
      Iterator<ListContentResponse> parts =
          ContentGrpc.newBlockingStub(client.inNamespace("many"))
              .withDeadlineAfter(20, TimeUnit.SECONDS)
              .list(ListContentRequest.getDefaultInstance());
      int count = 0;
      while (parts.hasNext()) {
        ListContentResponse part = parts.next();
        most = Math.max(most, part.getInfoCount());
        part.getInfoList().forEach(info -> listed.add(info.getDigest()));
        count++;
      }
      assertTrue(count > 1, "in one part");
    }
    assertTrue(most <= 100, most + " in one part");
    assertEquals(made, listed);
  }

  @Test
  void contentIsIngestedFromAStream() throws Exception {
    Path file = Files.write(folder.resolve("blob"), new byte[3 << 20]);
    Process ingest =
        new ProcessBuilder("ctr", "-a", server.socket().toString(), "content", "ingest", "zeros")
            .redirectInput(file.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("ingested").toFile())
            .start();
    assertTrue(ingest.waitFor(60, TimeUnit.SECONDS));
    assertEquals(0, ingest.exitValue(), Files.readString(folder.resolve("ingested")));
    String digest = ctr.succeeds("content", "ls", "-q").strip();
    Path back = folder.resolve("back");
    Process get = ctr.start(back, "content", "get", digest);
    assertTrue(get.waitFor(60, TimeUnit.SECONDS));
    assertEquals(-1, Files.mismatch(file, back));
  }
}
