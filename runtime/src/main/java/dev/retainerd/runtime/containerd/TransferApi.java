package dev.retainerd.runtime.containerd;

import com.google.protobuf.Any;
import com.google.protobuf.Empty;
import com.google.protobuf.Message;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.image.ImageArchiveReader;
import dev.retainerd.runtime.image.ImageTransfers;
import dev.retainerd.runtime.image.PlatformChoice;
import dev.retainerd.runtime.image.Scope;
import dev.retainerd.runtime.image.TransferProgress;
import dev.retainerd.runtime.registry.Credentials;
import dev.retainerd.runtime.registry.Reference;
import dev.retainerd.wire.containerd.services.transfer.v1.TransferGrpc;
import dev.retainerd.wire.containerd.services.transfer.v1.TransferRequest;
import dev.retainerd.wire.containerd.types.transfer.AuthRequest;
import dev.retainerd.wire.containerd.types.transfer.AuthResponse;
import dev.retainerd.wire.containerd.types.transfer.ImageExportStream;
import dev.retainerd.wire.containerd.types.transfer.ImageImportStream;
import dev.retainerd.wire.containerd.types.transfer.ImageReference;
import dev.retainerd.wire.containerd.types.transfer.ImageStore;
import dev.retainerd.wire.containerd.types.transfer.OCIRegistry;
import dev.retainerd.wire.containerd.types.transfer.Progress;
import dev.retainerd.wire.containerd.types.transfer.RegistryResolver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Transfers that the daemon does by itself: registry to images, images to registry, archive to
 * images, images to archive, image to image.
 */
public final class TransferApi extends TransferGrpc.TransferImplBase {
  private final Namespaces namespaces;
  private final ImageTransfers transfers;
  private final Streams streams;

  TransferApi(Namespaces namespaces, ImageTransfers transfers, Streams streams) {
    this.namespaces = namespaces;
    this.transfers = transfers;
    this.streams = streams;
  }

  @Override
  public void transfer(TransferRequest request, StreamObserver<Empty> response) {
    Calls.answer(
        response,
        () -> {
          String namespace = namespaces.forWriting();
          Scope scope =
              new Scope(JournalRecords.origin(), namespace, CallContext.leaseIfAny().orElse(""));
          String told = request.getOptions().getProgressStream();
          if (told.isEmpty()) {
            run(scope, request, TransferProgress.NONE);
            return Empty.getDefaultInstance();
          }
          Streams.Duplex stream = streams.get(namespace, told);
          try {
            run(scope, request, new Told(stream));
          } finally {
            stream.close();
            streams.unregister(namespace, told);
          }
          return Empty.getDefaultInstance();
        });
  }

  private void run(Scope scope, TransferRequest request, TransferProgress progress) {
    Any source = request.getSource();
    Any destination = request.getDestination();
    Optional<OCIRegistry> from = as(source, OCIRegistry.getDefaultInstance());
    Optional<OCIRegistry> to = as(destination, OCIRegistry.getDefaultInstance());
    Optional<ImageStore> image = as(source, ImageStore.getDefaultInstance());
    Optional<ImageStore> store = as(destination, ImageStore.getDefaultInstance());
    Optional<ImageImportStream> in = as(source, ImageImportStream.getDefaultInstance());
    Optional<ImageExportStream> out = as(destination, ImageExportStream.getDefaultInstance());
    if (from.isPresent() && store.isPresent()) {
      pull(scope, from.get(), store.get(), progress);
    } else if (image.isPresent() && to.isPresent()) {
      transfers.push(scope, image.get().getName(), registry(scope, to.get()), progress);
    } else if (in.isPresent() && store.isPresent()) {
      load(scope, in.get(), store.get(), progress);
    } else if (image.isPresent() && out.isPresent()) {
      save(scope, image.get(), out.get(), progress);
    } else if (image.isPresent() && store.isPresent()) {
      transfers.tag(
          scope, image.get().getName(), store.get().getName(), store.get().getLabelsMap());
    } else {
      throw Refusal.unimplemented(
          "a transfer from %s to %s is not implemented"
              .formatted(source.getTypeUrl(), destination.getTypeUrl()));
    }
  }

  private void pull(Scope scope, OCIRegistry from, ImageStore store, TransferProgress progress) {
    String name = store.getName().isEmpty() ? from.getReference() : store.getName();
    transfers.pull(
        scope,
        registry(scope, from),
        new ImageTransfers.Wish(name, store.getLabelsMap(), platforms(store), unpacks(store)),
        progress);
  }

  private static PlatformChoice platforms(ImageStore store) {
    return PlatformChoice.of(
        store.getPlatformsList().stream().map(ImageTranslation::platform).toList(),
        store.getManifestLimit(),
        store.getAllMetadata());
  }

  /** The snapshotters that are to have it. */
  private Set<String> unpacks(ImageStore store) {
    return store.getUnpacksList().stream()
        .flatMap(
            one ->
                transfers
                    .unpacksInto(
                        one.hasPlatform()
                            ? Optional.of(ImageTranslation.platform(one.getPlatform()))
                            : Optional.empty(),
                        one.getSnapshotter())
                    .stream())
        .collect(Collectors.toSet());
  }

  private void load(
      Scope scope, ImageImportStream in, ImageStore store, TransferProgress progress) {
    Streams.Duplex stream = streams.get(scope.namespace(), in.getStream());
    String base = store.getName();
    boolean digests = false;
    for (ImageReference reference : store.getExtraReferencesList()) {
      base = base.isEmpty() && reference.getIsPrefix() ? reference.getName() : base;
      digests |= reference.getAddDigest();
    }
    try {
      transfers.load(
          scope,
          DataStreams.reading(stream),
          new ImageArchiveReader.Naming(base, digests),
          platforms(store),
          unpacks(store),
          progress);
    } finally {
      stream.close();
      streams.unregister(scope.namespace(), in.getStream());
    }
  }

  private void save(
      Scope scope, ImageStore image, ImageExportStream out, TransferProgress progress) {
    Streams.Duplex stream = streams.get(scope.namespace(), out.getStream());
    List<String> names = new ArrayList<>();
    if (!image.getName().isEmpty()) {
      names.add(image.getName());
    }
    image.getExtraReferencesList().forEach(extra -> names.add(extra.getName()));
    try (OutputStream to = DataStreams.writing(stream)) {
      transfers.save(scope, names, to, progress);
    } catch (IOException e) {
      throw Refusal.cancelled("the client has ended its stream: " + e.getMessage());
    } finally {
      streams.unregister(scope.namespace(), out.getStream());
    }
  }

  private ImageTransfers.Registry registry(Scope scope, OCIRegistry registry) {
    RegistryResolver resolver = registry.getResolver();
    Optional<Path> folder =
        resolver.getHostDir().isEmpty()
            ? Optional.empty()
            : Optional.of(Path.of(resolver.getHostDir()));
    return new ImageTransfers.Registry(
        registry.getReference(),
        folder,
        resolver.getDefaultScheme().equals("http"),
        credentials(scope, registry));
  }

  /** Asks the client, where it has said that it can be asked. */
  private Credentials credentials(Scope scope, OCIRegistry registry) {
    String id = registry.getResolver().getAuthStream();
    if (id.isEmpty()) {
      return Credentials.ANONYMOUS;
    }
    Streams.Duplex stream = streams.get(scope.namespace(), id);
    try {
      stream.send(
          Translation.packed(
              AuthRequest.newBuilder()
                  .setHost(Reference.exact(registry.getReference()).host())
                  .setReference(registry.getReference())
                  .build()));
      AuthResponse answer =
          stream
              .receive()
              .flatMap(any -> as(any, AuthResponse.getDefaultInstance()))
              .orElse(AuthResponse.getDefaultInstance());
      return switch (answer.getAuthType()) {
        case CREDENTIALS -> Credentials.basic(answer.getUsername(), answer.getSecret());
        case REFRESH -> new Credentials("", "", answer.getSecret(), "");
        case HEADER ->
            new Credentials("", "", "", answer.getSecret().replaceFirst("(?i)^bearer +", ""));
        case NONE, UNRECOGNIZED -> Credentials.ANONYMOUS;
      };
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the transfer was interrupted");
    }
  }

  private static <M extends Message> Optional<M> as(Any any, M kind) {
    String otherwise = "the " + any.getTypeUrl() + " of the transfer cannot be read";
    return Translation.unpacked(any, kind, otherwise);
  }

  /** Tells the client; of a part that moves, not more than ten times a second. */
  private static final class Told implements TransferProgress {
    private static final long PAUSE_NANOS = 100_000_000;

    private final Streams.Duplex stream;
    private final java.util.concurrent.ConcurrentHashMap<String, Long> last =
        new java.util.concurrent.ConcurrentHashMap<>();

    Told(Streams.Duplex stream) {
      this.stream = stream;
    }

    @Override
    public void tell(Event event, String kind, Descriptor part, long bytes) {
      boolean moving = event == Event.DOWNLOADING || event == Event.UPLOADING;
      long now = System.nanoTime();
      if (moving) {
        Long before = last.get(part.getDigest());
        if (before != null && now - before < PAUSE_NANOS) {
          return;
        }
        last.put(part.getDigest(), now);
      }
      Any message =
          Translation.packed(
              Progress.newBuilder()
                  .setEvent(event.word())
                  .setName(kind + "-" + part.getDigest())
                  .setProgress(bytes)
                  .setTotal(part.getSize())
                  .setDesc(ImageTranslation.wire(part))
                  .build());
      if (moving) {
        stream.offer(message);
        return;
      }
      try {
        stream.send(message);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw Refusal.cancelled("the transfer was interrupted");
      }
    }
  }
}
