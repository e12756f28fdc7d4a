package dev.retainerd.runtime.containerd;

import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.image.DiffService;
import dev.retainerd.wire.containerd.services.diff.v1.ApplyRequest;
import dev.retainerd.wire.containerd.services.diff.v1.ApplyResponse;
import dev.retainerd.wire.containerd.services.diff.v1.DiffGrpc;
import io.grpc.stub.StreamObserver;

/** Layers unpacked onto mounts. Comparing mounts into a layer is not implemented. */
public final class DiffApi extends DiffGrpc.DiffImplBase {
  private final DiffService diffs;

  public DiffApi(DiffService diffs) {
    this.diffs = diffs;
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
