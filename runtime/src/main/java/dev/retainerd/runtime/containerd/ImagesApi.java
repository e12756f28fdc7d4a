package dev.retainerd.runtime.containerd;

import com.google.protobuf.Empty;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ImageCreatedPayload;
import dev.retainerd.eventlog.proto.ImageDeletedPayload;
import dev.retainerd.eventlog.proto.ImageRecord;
import dev.retainerd.eventlog.proto.ImageUpdatedPayload;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.Filter;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.store.proto.ImageEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.wire.containerd.services.images.v1.CreateImageRequest;
import dev.retainerd.wire.containerd.services.images.v1.CreateImageResponse;
import dev.retainerd.wire.containerd.services.images.v1.DeleteImageRequest;
import dev.retainerd.wire.containerd.services.images.v1.GetImageRequest;
import dev.retainerd.wire.containerd.services.images.v1.GetImageResponse;
import dev.retainerd.wire.containerd.services.images.v1.Image;
import dev.retainerd.wire.containerd.services.images.v1.ImagesGrpc;
import dev.retainerd.wire.containerd.services.images.v1.ListImagesRequest;
import dev.retainerd.wire.containerd.services.images.v1.ListImagesResponse;
import dev.retainerd.wire.containerd.services.images.v1.UpdateImageRequest;
import dev.retainerd.wire.containerd.services.images.v1.UpdateImageResponse;
import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Image records: names that point at a descriptor. What they point at lives in the content store.
 */
public final class ImagesApi extends ImagesGrpc.ImagesImplBase {

  /** Gives back what nothing in a namespace refers to any more. */
  @FunctionalInterface
  public interface Collector {
    /** Returns when the space is given back. */
    void collect(String namespace);
  }

  private static final Logger LOG = LoggerFactory.getLogger(ImagesApi.class);

  private final Records records;
  private final Namespaces namespaces;
  private final Collector collector;
  private final Calls.Exclusion exclusion = new Calls.Exclusion();

  public ImagesApi(Records records, Namespaces namespaces, Collector collector) {
    this.records = records;
    this.namespaces = namespaces;
    this.collector = collector;
  }

  @Override
  public void get(GetImageRequest request, StreamObserver<GetImageResponse> response) {
    Calls.answer(
        response,
        () ->
            GetImageResponse.newBuilder()
                .setImage(wire(CallContext.namespace(), request.getName()))
                .build());
  }

  @Override
  public void list(ListImagesRequest request, StreamObserver<ListImagesResponse> response) {
    Filter filter = Filter.any(request.getFiltersList());
    Calls.answer(
        response,
        () -> {
          var reply = ListImagesResponse.newBuilder();
          Candidates.forEach(
              records.state(),
              Kind.IMAGE,
              CallContext.namespace(),
              filter,
              "name",
              (name, entry) -> {
                if (filter.matches(ImageTranslation.fields(entry.getImage()))) {
                  reply.addImages(ImageTranslation.wire(entry.getImage()));
                }
              });
          return reply.build();
        });
  }

  @Override
  public void create(CreateImageRequest request, StreamObserver<CreateImageResponse> response) {
    ImageRecord record = ImageTranslation.checked(ImageTranslation.record(request.getImage()));
    long now =
        request.hasSourceDateEpoch()
            ? Translation.nanos(request.getSourceDateEpoch())
            : Translation.nowNanos();
    Calls.answer(
        response,
        () -> {
          String namespace = namespaces.forWriting();
          return exclusion.on(
              namespace,
              record.getName(),
              () -> {
                if (records.state().get(Kind.IMAGE.key(namespace, record.getName())).isPresent()) {
                  throw Refusal.alreadyExists("image \"" + record.getName() + "\" already exists");
                }
                records.commit(
                    namespace,
                    new Event.ImageCreated(
                        ImageCreatedPayload.newBuilder()
                            .setImage(
                                record.toBuilder().setCreatedAtNanos(now).setUpdatedAtNanos(now))
                            .build()));
                return CreateImageResponse.newBuilder()
                    .setImage(wire(namespace, record.getName()))
                    .build();
              });
        });
  }

  @Override
  public void update(UpdateImageRequest request, StreamObserver<UpdateImageResponse> response) {
    Image wanted = request.getImage();
    String namespace = CallContext.namespace();
    long now =
        request.hasSourceDateEpoch()
            ? Translation.nanos(request.getSourceDateEpoch())
            : Translation.nowNanos();
    exclusion.answer(
        response,
        namespace,
        wanted.getName(),
        () -> {
          ImageRecord before = existing(namespace, wanted.getName());
          ImageRecord after =
              ImageTranslation.updated(before, wanted, request.getUpdateMask()).toBuilder()
                  .setUpdatedAtNanos(now)
                  .build();
          records.commit(
              namespace,
              new Event.ImageUpdated(ImageUpdatedPayload.newBuilder().setImage(after).build()));
          return UpdateImageResponse.newBuilder()
              .setImage(wire(namespace, wanted.getName()))
              .build();
        });
  }

  @Override
  public void delete(DeleteImageRequest request, StreamObserver<Empty> response) {
    String namespace = CallContext.namespace();
    String name = request.getName();
    exclusion.answer(
        response,
        namespace,
        name,
        () -> {
          ImageRecord image = existing(namespace, name);
          String expected = request.getTarget().getDigest();
          if (request.hasTarget() && !image.getTarget().getDigest().equals(expected)) {
            throw Refusal.notFound(
                "image \"%s\" points at %s and not at %s: it was replaced meanwhile"
                    .formatted(name, image.getTarget().getDigest(), expected));
          }
          records.commit(
              namespace,
              new Event.ImageDeleted(ImageDeletedPayload.newBuilder().setName(name).build()));
          if (request.getSync()) {
            collector.collect(namespace);
          } else {
            collectLater(namespace);
          }
          return Empty.getDefaultInstance();
        });
  }

  /** Off the call: the client asked for the name to go, and does not wait for the rest. */
  private void collectLater(String namespace) {
    Thread.ofVirtual()
        .name("collect-" + namespace)
        .start(
            Context.current()
                .fork()
                .wrap(
                    () -> {
                      try {
                        collector.collect(namespace);
                      } catch (RuntimeException e) {
                        LOG.warn(
                            "what image removal left in {} is not collected yet", namespace, e);
                      }
                    }));
  }

  private ImageRecord existing(String namespace, String name) {
    return records
        .state()
        .get(Kind.IMAGE.key(namespace, name))
        .map(ImageEntry::getImage)
        .orElseThrow(() -> Refusal.notFound("image \"" + name + "\" not found"));
  }

  private Image wire(String namespace, String name) {
    return ImageTranslation.wire(existing(namespace, name));
  }
}
