package dev.retainerd.runtime.ctl.image;

import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Labels;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.registry.Credentials;
import dev.retainerd.runtime.registry.Reference;
import dev.retainerd.runtime.registry.RegistryClients;
import dev.retainerd.runtime.registry.RegistryHosts;
import dev.retainerd.runtime.registry.Repository;
import dev.retainerd.wire.containerd.services.content.v1.Info;
import dev.retainerd.wire.containerd.types.transfer.ImageStore;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl content fetch}, {@code fetch-object} and {@code push-object}. */
public final class RemoteObjectVerbs {
  private static final Duration STALL_PATIENCE = Duration.ofSeconds(60);

  private RemoteObjectVerbs() {}

  /** Fetches an image without unpacking it. */
  @Command(name = "fetch", description = "fetch all content for an image into the daemon")
  public static final class Fetch extends RegistryVerb {
    @Option(names = "--label", paramLabel = "KEY=VALUE", description = "labels for the image")
    List<String> labels = new ArrayList<>();

    @Parameters(index = "0", paramLabel = "REMOTE")
    String remote;

    @Parameters(index = "1", arity = "0..1", hidden = true)
    String object = "";

    @Override
    protected int run(Session session) throws InterruptedException {
      DaemonTransfer transfer = new DaemonTransfer(session);
      Optional<DaemonTransfer.Pipe> credentials = credentials(transfer);
      try {
        transfer.run(
            registry(remote, credentials),
            ImageStore.newBuilder()
                .setName(remote)
                .putAllLabels(Labels.parse(labels))
                .addPlatforms(Manifests.platform())
                .build(),
            ProgressBars.on(session.out()));
      } finally {
        credentials.ifPresent(DaemonTransfer.Pipe::close);
      }
      session.println("fetched " + remote);
      return 0;
    }
  }

  /** A verb that this process does itself. */
  abstract static class Direct extends RegistryVerb {
    Repository repository(RegistryClients clients, String remote) {
      RegistryHosts hosts =
          RegistryHosts.of(hostsFolder == null ? List.of() : List.of(hostsFolder));
      String[] parts = user.split(":", 2);
      return Repository.open(
          clients,
          plainHttp ? hosts.overPlainHttp() : hosts,
          Reference.exact(remote),
          user.isEmpty()
              ? Credentials.ANONYMOUS
              : Credentials.basic(parts[0], parts.length > 1 ? parts[1] : ""),
          STALL_PATIENCE);
    }
  }

  /** Copies what a reference points at to stdout. */
  @Command(name = "fetch-object", description = "retrieve objects from a remote")
  public static final class FetchObject extends Direct {
    @Parameters(index = "0", paramLabel = "REMOTE", description = "with a tag or a digest")
    String remote;

    @Parameters(index = "1..*", hidden = true)
    List<String> hints = new ArrayList<>();

    @Override
    protected int run(Session session) {
      try (RegistryClients clients = new RegistryClients()) {
        byte[] bytes = repository(clients, remote).resolve().bytes();
        session.out().write(bytes, 0, bytes.length);
        session.out().flush();
      }
      return 0;
    }
  }

  /** Pushes one blob or manifest. */
  @Command(name = "push-object", description = "push an object to a remote")
  public static final class PushObject extends Direct {
    @Parameters(index = "0", paramLabel = "REMOTE")
    String remote;

    @Parameters(index = "1", paramLabel = "DIGEST")
    String digest;

    @Parameters(index = "2", paramLabel = "TYPE", description = "its media type")
    String type;

    @Override
    protected int run(Session session) throws IOException {
      Blobs blobs = new Blobs(session);
      Info info =
          blobs
              .info(digest)
              .orElseThrow(() -> CommandFailure.of("content " + digest + " does not exist"));
      Path spool = Files.createTempFile("retainctl-push", ".blob");
      try (RegistryClients clients = new RegistryClients()) {
        try (OutputStream out = Files.newOutputStream(spool)) {
          blobs.copy(digest, out);
        }
        Repository to = repository(clients, remote);
        if (Manifests.isIndex(type) || Manifests.isManifest(type)) {
          to.pushManifest(type, digest, Files.readAllBytes(spool), true);
        } else {
          to.pushBlob(digest, info.getSize(), () -> opened(spool), "");
        }
      } finally {
        Files.deleteIfExists(spool);
      }
      session.println("pushed " + digest + " " + type);
      return 0;
    }

    private static InputStream opened(Path file) {
      try {
        return Files.newInputStream(file);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
