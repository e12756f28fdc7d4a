package dev.retainerd.runtime.containerd;

import com.google.protobuf.Empty;
import dev.retainerd.wire.containerd.services.version.v1.VersionGrpc;
import dev.retainerd.wire.containerd.services.version.v1.VersionResponse;
import io.grpc.stub.StreamObserver;

/** Says which version serves. */
public final class VersionApi extends VersionGrpc.VersionImplBase {
  private final VersionResponse version;

  /**
   * @param version as clients show it, such as "0.1.0"
   * @param revision the commit it was built from; empty if unknown
   */
  public VersionApi(String version, String revision) {
    this.version = VersionResponse.newBuilder().setVersion(version).setRevision(revision).build();
  }

  @Override
  public void version(Empty request, StreamObserver<VersionResponse> response) {
    Calls.answer(response, () -> version);
  }
}
