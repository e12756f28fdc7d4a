package dev.retainerd.runtime.containerd;

import com.google.protobuf.Empty;
import com.google.protobuf.Timestamp;
import com.google.protobuf.UnsafeByteOperations;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.content.IngestStatus;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.Fields;
import dev.retainerd.runtime.filter.Filter;
import dev.retainerd.runtime.filter.MaskedMap;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.grpc.Identifiers;
import dev.retainerd.runtime.image.ContentService;
import dev.retainerd.runtime.image.Scope;
import dev.retainerd.store.proto.ContentEntry;
import dev.retainerd.wire.containerd.services.content.v1.AbortRequest;
import dev.retainerd.wire.containerd.services.content.v1.ContentGrpc;
import dev.retainerd.wire.containerd.services.content.v1.DeleteContentRequest;
import dev.retainerd.wire.containerd.services.content.v1.Info;
import dev.retainerd.wire.containerd.services.content.v1.InfoRequest;
import dev.retainerd.wire.containerd.services.content.v1.InfoResponse;
import dev.retainerd.wire.containerd.services.content.v1.ListContentRequest;
import dev.retainerd.wire.containerd.services.content.v1.ListContentResponse;
import dev.retainerd.wire.containerd.services.content.v1.ListStatusesRequest;
import dev.retainerd.wire.containerd.services.content.v1.ListStatusesResponse;
import dev.retainerd.wire.containerd.services.content.v1.ReadContentRequest;
import dev.retainerd.wire.containerd.services.content.v1.ReadContentResponse;
import dev.retainerd.wire.containerd.services.content.v1.Status;
import dev.retainerd.wire.containerd.services.content.v1.StatusRequest;
import dev.retainerd.wire.containerd.services.content.v1.StatusResponse;
import dev.retainerd.wire.containerd.services.content.v1.UpdateRequest;
import dev.retainerd.wire.containerd.services.content.v1.UpdateResponse;
import dev.retainerd.wire.containerd.services.content.v1.WriteContentRequest;
import dev.retainerd.wire.containerd.services.content.v1.WriteContentResponse;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Content: blobs of a namespace by digest, and the ingests that become blobs. */
public final class ContentApi extends ContentGrpc.ContentImplBase {
  private static final int LIST_BLOCK = 100;
  private static final int READ_BYTES = 1 << 20;

  private final Namespaces namespaces;
  private final ContentService content;
  private final Calls.Exclusion exclusion = new Calls.Exclusion();

  public ContentApi(Namespaces namespaces, ContentService content) {
    this.namespaces = namespaces;
    this.content = content;
  }

  @Override
  public void info(InfoRequest request, StreamObserver<InfoResponse> response) {
    Digest digest = Digest.parse(request.getDigest());
    Calls.answer(
        response,
        () ->
            InfoResponse.newBuilder()
                .setInfo(wire(content.info(CallContext.namespace(), digest)))
                .build());
  }

  @Override
  public void update(UpdateRequest request, StreamObserver<UpdateResponse> response) {
    Digest digest = Digest.parse(request.getInfo().getDigest());
    String namespace = CallContext.namespace();
    List<String> mask = request.getUpdateMask().getPathsList();
    for (String path : mask) {
      if (!MaskedMap.concerns(path, "labels")) {
        throw Refusal.invalidArgument(
            "cannot update the field \"%s\" of content %s, only labels".formatted(path, digest));
      }
    }
    exclusion.answer(
        response,
        namespace,
        digest.toString(),
        () -> {
          var labels =
              MaskedMap.labels(
                  content.info(namespace, digest).getLabelsMap(),
                  request.getInfo().getLabelsMap(),
                  "labels",
                  mask);
          Scope scope = Scope.of(JournalRecords.origin(), namespace);
          return UpdateResponse.newBuilder()
              .setInfo(wire(content.update(scope, digest, Identifiers.checkLabels(labels))))
              .build();
        });
  }

  @Override
  public void list(ListContentRequest request, StreamObserver<ListContentResponse> response) {
    Filter filter = Filter.any(request.getFiltersList());
    List<Info> found = new ArrayList<>();
    for (ContentEntry entry : content.list(CallContext.namespace())) {
      if (filter.matches(fields(entry))) {
        found.add(wire(entry));
      }
    }
    ServerStream.start(
        response,
        "content-list",
        stream -> {
          for (int at = 0; at < found.size(); at += LIST_BLOCK) {
            List<Info> block = found.subList(at, Math.min(found.size(), at + LIST_BLOCK));
            stream.send(ListContentResponse.newBuilder().addAllInfo(block).build());
          }
        });
  }

  private static Fields fields(ContentEntry entry) {
    return path ->
        switch (path.getFirst()) {
          case "digest" -> Fields.value(entry.getDigest());
          case "labels" -> Fields.entry(entry.getLabelsMap(), path);
          default -> Optional.empty();
        };
  }

  @Override
  public void delete(DeleteContentRequest request, StreamObserver<Empty> response) {
    Digest digest = Digest.parse(request.getDigest());
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () -> {
          content.delete(Scope.of(JournalRecords.origin(), namespace), digest);
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void read(ReadContentRequest request, StreamObserver<ReadContentResponse> response) {
    Digest digest = Digest.parse(request.getDigest());
    String namespace = CallContext.namespace();
    long size = content.info(namespace, digest).getSize();
    long from = Math.max(0, request.getOffset());
    if (from > size) {
      throw Refusal.outOfRange(
          "content %s has %d bytes, there is nothing at offset %d".formatted(digest, size, from));
    }
    long to = request.getSize() <= 0 ? size : Math.min(size, from + request.getSize());
    ServerStream.start(
        response, "content-read", stream -> send(stream, namespace, digest, from, to));
  }

  /** Offsets of the answers count from where the client began to read. */
  private void send(
      ServerStream<ReadContentResponse> stream, String namespace, Digest digest, long from, long to)
      throws InterruptedException {
    try (FileChannel blob = content.open(namespace, digest)) {
      long at = from;
      while (at < to) {
        ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(READ_BYTES, to - at));
        int read = blob.read(buffer, at);
        if (read <= 0) {
          throw Refusal.internal(
              "content %s ends at %d of %d bytes: the file was changed, import the image again"
                  .formatted(digest, at, to));
        }
        stream.send(
            ReadContentResponse.newBuilder()
                .setOffset(at - from)
                .setData(UnsafeByteOperations.unsafeWrap(buffer.flip()))
                .build());
        at += read;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("content " + digest + " cannot be read: " + e.getMessage(), e);
    }
  }

  @Override
  public void status(StatusRequest request, StreamObserver<StatusResponse> response) {
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () ->
            StatusResponse.newBuilder()
                .setStatus(wire(content.status(namespace, request.getRef())))
                .build());
  }

  @Override
  public void listStatuses(
      ListStatusesRequest request, StreamObserver<ListStatusesResponse> response) {
    String namespace = CallContext.namespace();
    Filter filter = Filter.any(request.getFiltersList());
    Calls.answer(
        response,
        () -> {
          var reply = ListStatusesResponse.newBuilder();
          for (IngestStatus ingest : content.statuses(namespace)) {
            Fields fields =
                path ->
                    path.getFirst().equals("ref") ? Fields.value(ingest.ref()) : Optional.empty();
            if (filter.matches(fields)) {
              reply.addStatuses(wire(ingest));
            }
          }
          return reply.build();
        });
  }

  @Override
  public StreamObserver<WriteContentRequest> write(StreamObserver<WriteContentResponse> response) {
    return new ContentWriteDialogue(content, namespaces, response);
  }

  @Override
  public void abort(AbortRequest request, StreamObserver<Empty> response) {
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () -> {
          content.abort(namespace, request.getRef());
          return Empty.getDefaultInstance();
        });
  }

  private static Info wire(ContentEntry entry) {
    return Info.newBuilder()
        .setDigest(entry.getDigest())
        .setSize(entry.getSize())
        .setCreatedAt(Translation.timestamp(entry.getCreatedAtNanos()))
        .setUpdatedAt(Translation.timestamp(entry.getUpdatedAtNanos()))
        .putAllLabels(entry.getLabelsMap())
        .build();
  }

  private static Status wire(IngestStatus status) {
    return Status.newBuilder()
        .setRef(status.ref())
        .setOffset(status.offset())
        .setTotal(status.total())
        .setExpected(status.expected().map(Digest::toString).orElse(""))
        .setStartedAt(timestamp(status.startedAt()))
        .setUpdatedAt(timestamp(status.updatedAt()))
        .build();
  }

  static Timestamp timestamp(Instant instant) {
    return Timestamp.newBuilder()
        .setSeconds(instant.getEpochSecond())
        .setNanos(instant.getNano())
        .build();
  }
}
