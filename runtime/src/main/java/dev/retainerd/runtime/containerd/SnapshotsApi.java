package dev.retainerd.runtime.containerd;

import com.google.protobuf.Empty;
import dev.retainerd.eventlog.proto.SnapshotRecord;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.Fields;
import dev.retainerd.runtime.filter.Filter;
import dev.retainerd.runtime.filter.MaskedMap;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.grpc.Identifiers;
import dev.retainerd.runtime.image.Scope;
import dev.retainerd.runtime.image.SnapshotService;
import dev.retainerd.runtime.snapshot.Usage;
import dev.retainerd.wire.containerd.services.snapshots.v1.CommitSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.Info;
import dev.retainerd.wire.containerd.services.snapshots.v1.Kind;
import dev.retainerd.wire.containerd.services.snapshots.v1.ListSnapshotsRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.ListSnapshotsResponse;
import dev.retainerd.wire.containerd.services.snapshots.v1.MountsRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.MountsResponse;
import dev.retainerd.wire.containerd.services.snapshots.v1.PrepareSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.PrepareSnapshotResponse;
import dev.retainerd.wire.containerd.services.snapshots.v1.RemoveSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.SnapshotsGrpc;
import dev.retainerd.wire.containerd.services.snapshots.v1.StatSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.StatSnapshotResponse;
import dev.retainerd.wire.containerd.services.snapshots.v1.UpdateSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.UpdateSnapshotResponse;
import dev.retainerd.wire.containerd.services.snapshots.v1.UsageRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.UsageResponse;
import dev.retainerd.wire.containerd.services.snapshots.v1.ViewSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.ViewSnapshotResponse;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Optional;

/** Snapshots of the snapshotters there are. */
public final class SnapshotsApi extends SnapshotsGrpc.SnapshotsImplBase {
  private static final int LIST_BLOCK = 100;

  private final Namespaces namespaces;
  private final List<SnapshotService> snapshotters;
  private final Calls.Exclusion exclusion = new Calls.Exclusion();

  public SnapshotsApi(Namespaces namespaces, SnapshotService... snapshotters) {
    this.namespaces = namespaces;
    this.snapshotters = List.of(snapshotters);
  }

  private SnapshotService snapshotter(String name) {
    if (name.isEmpty()) {
      throw Refusal.invalidArgument(
          "snapshotter argument missing: name one, such as " + SnapshotService.SNAPSHOTTER);
    }
    return snapshotters.stream()
        .filter(one -> one.snapshotter().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                Refusal.invalidArgument(
                    "snapshotter not loaded: %s; there are %s"
                        .formatted(
                            name,
                            snapshotters.stream().map(SnapshotService::snapshotter).toList())));
  }

  private static Scope scope(String namespace) {
    return new Scope(JournalRecords.origin(), namespace, CallContext.leaseIfAny().orElse(""));
  }

  @Override
  public void prepare(
      PrepareSnapshotRequest request, StreamObserver<PrepareSnapshotResponse> response) {
    SnapshotService snapshots = snapshotter(request.getSnapshotter());
    Identifiers.checkLabels(request.getLabelsMap());
    Calls.answer(
        response,
        () ->
            PrepareSnapshotResponse.newBuilder()
                .addAllMounts(
                    MountTranslation.wire(
                        snapshots.prepare(
                            scope(namespaces.forWriting()),
                            request.getKey(),
                            request.getParent(),
                            request.getLabelsMap())))
                .build());
  }

  @Override
  public void view(ViewSnapshotRequest request, StreamObserver<ViewSnapshotResponse> response) {
    SnapshotService snapshots = snapshotter(request.getSnapshotter());
    Identifiers.checkLabels(request.getLabelsMap());
    Calls.answer(
        response,
        () ->
            ViewSnapshotResponse.newBuilder()
                .addAllMounts(
                    MountTranslation.wire(
                        snapshots.view(
                            scope(namespaces.forWriting()),
                            request.getKey(),
                            request.getParent(),
                            request.getLabelsMap())))
                .build());
  }

  @Override
  public void mounts(MountsRequest request, StreamObserver<MountsResponse> response) {
    SnapshotService snapshots = snapshotter(request.getSnapshotter());
    Calls.answer(
        response,
        () ->
            MountsResponse.newBuilder()
                .addAllMounts(
                    MountTranslation.wire(
                        snapshots.mounts(CallContext.namespace(), request.getKey())))
                .build());
  }

  @Override
  public void commit(CommitSnapshotRequest request, StreamObserver<Empty> response) {
    SnapshotService snapshots = snapshotter(request.getSnapshotter());
    Identifiers.checkLabels(request.getLabelsMap());
    Calls.answer(
        response,
        () -> {
          snapshots.commit(
              scope(CallContext.namespace()),
              request.getName(),
              request.getKey(),
              request.getLabelsMap());
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void remove(RemoveSnapshotRequest request, StreamObserver<Empty> response) {
    SnapshotService snapshots = snapshotter(request.getSnapshotter());
    Calls.answer(
        response,
        () -> {
          snapshots.remove(scope(CallContext.namespace()), request.getKey());
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void stat(StatSnapshotRequest request, StreamObserver<StatSnapshotResponse> response) {
    SnapshotService snapshots = snapshotter(request.getSnapshotter());
    Calls.answer(
        response,
        () ->
            StatSnapshotResponse.newBuilder()
                .setInfo(wire(snapshots.stat(CallContext.namespace(), request.getKey())))
                .build());
  }

  @Override
  public void update(
      UpdateSnapshotRequest request, StreamObserver<UpdateSnapshotResponse> response) {
    SnapshotService snapshots = snapshotter(request.getSnapshotter());
    String key = request.getInfo().getName();
    String namespace = CallContext.namespace();
    List<String> mask = request.getUpdateMask().getPathsList();
    for (String path : mask) {
      if (!MaskedMap.concerns(path, "labels")) {
        throw Refusal.invalidArgument(
            "cannot update the field \"%s\" of snapshot \"%s\", only labels".formatted(path, key));
      }
    }
    exclusion.answer(
        response,
        namespace,
        key,
        () -> {
          var labels =
              MaskedMap.labels(
                  snapshots.stat(namespace, key).getLabelsMap(),
                  request.getInfo().getLabelsMap(),
                  "labels",
                  mask);
          return UpdateSnapshotResponse.newBuilder()
              .setInfo(
                  wire(snapshots.update(scope(namespace), key, Identifiers.checkLabels(labels))))
              .build();
        });
  }

  @Override
  public void list(ListSnapshotsRequest request, StreamObserver<ListSnapshotsResponse> response) {
    SnapshotService snapshots = snapshotter(request.getSnapshotter());
    Filter filter = Filter.any(request.getFiltersList());
    List<Info> found =
        snapshots.list(CallContext.namespace()).stream()
            .map(SnapshotsApi::wire)
            .filter(info -> filter.matches(fields(info)))
            .toList();
    ServerStream.start(
        response,
        "snapshots-list",
        stream -> {
          for (int at = 0; at < found.size(); at += LIST_BLOCK) {
            List<Info> block = found.subList(at, Math.min(found.size(), at + LIST_BLOCK));
            stream.send(ListSnapshotsResponse.newBuilder().addAllInfo(block).build());
          }
        });
  }

  private static Fields fields(Info info) {
    return path ->
        switch (path.getFirst()) {
          case "kind" -> Fields.value(info.getKind().name().toLowerCase(java.util.Locale.ROOT));
          case "name" -> Fields.value(info.getName());
          case "parent" -> Optional.of(info.getParent());
          case "labels" -> Fields.entry(info.getLabelsMap(), path);
          default -> Optional.empty();
        };
  }

  @Override
  public void usage(UsageRequest request, StreamObserver<UsageResponse> response) {
    SnapshotService snapshots = snapshotter(request.getSnapshotter());
    Calls.answer(
        response,
        () -> {
          Usage usage = snapshots.usage(CallContext.namespace(), request.getKey());
          return UsageResponse.newBuilder()
              .setSize(usage.bytes())
              .setInodes(usage.inodes())
              .build();
        });
  }

  private static Info wire(SnapshotRecord record) {
    return Info.newBuilder()
        .setName(record.getKey())
        .setParent(record.getParent())
        .setKind(
            switch (record.getKind()) {
              case SNAPSHOT_KIND_ACTIVE -> Kind.ACTIVE;
              case SNAPSHOT_KIND_VIEW -> Kind.VIEW;
              case SNAPSHOT_KIND_COMMITTED -> Kind.COMMITTED;
              case SNAPSHOT_KIND_UNKNOWN, UNRECOGNIZED -> Kind.UNKNOWN;
            })
        .setCreatedAt(Translation.timestamp(record.getCreatedAtNanos()))
        .setUpdatedAt(Translation.timestamp(record.getUpdatedAtNanos()))
        .putAllLabels(record.getLabelsMap())
        .build();
  }
}
