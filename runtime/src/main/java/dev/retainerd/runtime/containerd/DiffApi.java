package dev.retainerd.runtime.containerd;

import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.grpc.Identifiers;
import dev.retainerd.runtime.image.DiffService;
import dev.retainerd.runtime.image.Scope;
import dev.retainerd.wire.containerd.services.diff.v1.ApplyRequest;
import dev.retainerd.wire.containerd.services.diff.v1.ApplyResponse;
import dev.retainerd.wire.containerd.services.diff.v1.DiffGrpc;
import dev.retainerd.wire.containerd.services.diff.v1.DiffRequest;
import dev.retainerd.wire.containerd.services.diff.v1.DiffResponse;
import io.grpc.stub.StreamObserver;
import java.util.Optional;

/** Layers unpacked onto mounts, and mounts compared into a layer. */
public final class DiffApi extends DiffGrpc.DiffImplBase {
  private final Namespaces namespaces;
  private final DiffService diffs;

  public DiffApi(Namespaces namespaces, DiffService diffs) {
    this.namespaces = namespaces;
    this.diffs = diffs;
  }

  @Override
  public void diff(DiffRequest request, StreamObserver<DiffResponse> response) {
    Identifiers.checkLabels(request.getLabelsMap());
    Calls.answer(
        response,
        () -> {
          Scope scope =
              new Scope(
                  JournalRecords.origin(),
                  namespaces.forWriting(),
                  CallContext.leaseIfAny().orElse(""));
          Optional<Long> latest =
              request.hasSourceDateEpoch()
                  ? Optional.of(request.getSourceDateEpoch().getSeconds())
                  : Optional.empty();
          return DiffResponse.newBuilder()
              .setDiff(
                  ImageTranslation.wire(
                      diffs.diff(
                          scope,
                          MountTranslation.mounts(request.getLeftList()),
                          MountTranslation.mounts(request.getRightList()),
                          new DiffService.LayerWish(
                              request.getMediaType(),
                              request.getRef(),
                              request.getLabelsMap(),
                              latest))))
              .build();
        });
  }

  @Override
  public void apply(ApplyRequest request, StreamObserver<ApplyResponse> response) {
    Calls.answer(
        response,
        () ->
            ApplyResponse.newBuilder()
                .setApplied(
                    ImageTranslation.wire(
                        diffs.apply(
                            CallContext.namespace(),
                            ImageTranslation.descriptor(request.getDiff()),
                            MountTranslation.mounts(request.getMountsList()))))
                .build());
  }
}
