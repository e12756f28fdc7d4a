package dev.retainerd.runtime.ctl.image;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Labels;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.registry.BlobSink;
import dev.retainerd.runtime.registry.Credentials;
import dev.retainerd.runtime.registry.Reference;
import dev.retainerd.runtime.registry.RegistryClients;
import dev.retainerd.runtime.registry.RegistryHosts;
import dev.retainerd.runtime.registry.Repository;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.wire.containerd.services.images.v1.Image;
import dev.retainerd.wire.containerd.types.Descriptor;
import dev.retainerd.wire.containerd.types.transfer.ImageStore;
import dev.retainerd.wire.containerd.types.transfer.UnpackConfiguration;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code retainctl images pull}: done by the daemon; where that cannot, as containerd 1.6 cannot,
 * fetched by this process and stored and unpacked through the daemon.
 */
@Command(name = "pull", description = "pull an image from a remote")
public final class PullVerb extends RegistryVerb {
  private static final Duration STALL_PATIENCE = Duration.ofSeconds(60);

  @Option(names = "--label", paramLabel = "KEY=VALUE", description = "labels for the image")
  List<String> labels = new ArrayList<>();

  @Option(names = "--all-platforms", description = "pull content of all platforms")
  boolean allPlatforms;

  @Option(names = "--snapshotter", defaultValue = "overlayfs", description = "snapshotter name")
  String snapshotter;

  @Parameters(index = "0", paramLabel = "REF")
  String name;

  private Blobs blobs;
  private Session session;

  @Override
  protected int run(Session open) throws IOException, InterruptedException {
    if (snapshotter.equals("overlayfs") && byDaemon(open)) {
      return 0;
    }
    session = open;
    blobs = new Blobs(open);
    Reference reference = Reference.exact(name);
    RegistryHosts hosts = RegistryHosts.of(hostsFolder == null ? List.of() : List.of(hostsFolder));
    Path spool = Files.createTempFile("retainctl-pull", ".blob");
    try (RegistryClients clients = new RegistryClients();
        Leased lease = Leased.begin(open)) {
      Repository repository =
          Repository.open(
              clients,
              plainHttp ? hosts.overPlainHttp() : hosts,
              reference,
              credentials(),
              STALL_PATIENCE);
      Repository.Manifest top = repository.resolve();
      Descriptor target = fetch(repository, top, spool);
      Image image =
          Image.newBuilder()
              .setName(name)
              .setTarget(target)
              .putAllLabels(Labels.parse(labels))
              .build();
      ImageVerbs.put(open, image);
      open.out().print("unpacking " + name + " (" + target.getDigest() + ")...");
      open.out().flush();
      new Unpacker(open, snapshotter).unpack(new Manifests(blobs).forThisNode(name, target));
      open.println("done");
    } finally {
      Files.deleteIfExists(spool);
    }
    return 0;
  }

  private boolean byDaemon(Session open) throws InterruptedException {
    DaemonTransfer transfer = new DaemonTransfer(open);
    Optional<DaemonTransfer.Pipe> asked = Optional.empty();
    try {
      asked = credentials(transfer);
      ImageStore.Builder store =
          ImageStore.newBuilder()
              .setName(name)
              .putAllLabels(Labels.parse(labels))
              .addUnpacks(UnpackConfiguration.newBuilder().setSnapshotter(snapshotter));
      if (!allPlatforms) {
        store.addPlatforms(Manifests.platform());
      }
      transfer.run(registry(name, asked), store.build(), ProgressBars.on(open.out()));
      open.println("pulled " + name);
      return true;
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.UNIMPLEMENTED) {
        return false;
      }
      throw e;
    } finally {
      asked.ifPresent(DaemonTransfer.Pipe::close);
    }
  }

  private Credentials credentials() {
    if (user.isEmpty()) {
      return Credentials.ANONYMOUS;
    }
    String[] parts = user.split(":", 2);
    return Credentials.basic(parts[0], parts.length > 1 ? parts[1] : "");
  }

  /** Fetches a manifest or index with all below it that is wanted; children before parents. */
  private Descriptor fetch(Repository repository, Repository.Manifest manifest, Path spool)
      throws IOException {
    JsonObject tree =
        JsonParser.parseString(new String(manifest.bytes(), StandardCharsets.UTF_8))
            .getAsJsonObject();
    String declared = Manifests.text(tree, "mediaType");
    String type = declared.isEmpty() ? manifest.mediaType() : declared;
    if (Manifests.isIndex(type)) {
      for (JsonElement one : Manifests.members(tree, "manifests")) {
        if (allPlatforms || Manifests.mayFit(one.getAsJsonObject())) {
          String digest = Manifests.descriptor(one.getAsJsonObject()).getDigest();
          fetch(repository, repository.manifest(digest), spool);
        }
      }
    } else if (Manifests.isManifest(type)) {
      for (Descriptor child : Manifests.children(tree)) {
        blob(repository, child, spool);
      }
    } else {
      throw CommandFailure.of(name + " is of type " + type + ", which is no image");
    }
    blobs.write(
        "pull-" + manifest.digest(),
        new ByteArrayInputStream(manifest.bytes()),
        manifest.bytes().length,
        manifest.digest(),
        Manifests.gcLabels(tree));
    return Descriptor.newBuilder()
        .setMediaType(type)
        .setDigest(manifest.digest())
        .setSize(manifest.bytes().length)
        .build();
  }

  private void blob(Repository repository, Descriptor wanted, Path spool) throws IOException {
    String digest = wanted.getDigest();
    if (blobs.info(digest).isPresent()) {
      session.println(digest + ": exists");
      return;
    }
    long begun = System.nanoTime();
    try (FileSink sink = new FileSink(spool)) {
      repository.blob(digest, wanted.getSize(), sink);
    }
    try (InputStream in = Files.newInputStream(spool)) {
      blobs.write("pull-" + digest, in, wanted.getSize(), digest, Map.of());
    }
    long nanos = System.nanoTime() - begun;
    session.println(
        digest
            + ": done, "
            + Phrases.bytes(wanted.getSize())
            + " in "
            + Phrases.duration(nanos)
            + " ("
            + Phrases.bytes(wanted.getSize() * 1_000_000_000L / Math.max(1, nanos))
            + "/s)");
  }

  /** One blob on its way, in a file; a connection that broke goes on behind what is there. */
  private static final class FileSink implements BlobSink, AutoCloseable {
    private final FileChannel channel;

    FileSink(Path file) throws IOException {
      channel =
          FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING);
    }

    @Override
    public long offset() {
      try {
        return channel.position();
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }

    @Override
    public void write(ByteBuffer bytes) throws IOException {
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    }

    @Override
    public void restart() throws IOException {
      channel.truncate(0);
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
