package dev.retainerd.runtime.ctl.image;

import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.record.LeaseVerbs;
import dev.retainerd.wire.containerd.services.leases.v1.DeleteRequest;
import dev.retainerd.wire.containerd.services.leases.v1.LeasesGrpc;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Map;

/** Work under a lease, so that nothing it makes is collected before it is referred to. */
public final class Leased implements AutoCloseable {
  private static final long LIFE_MILLIS = 24 * 3_600_000L;

  private final Session session;
  private final String id;

  private Leased(Session session, String id) {
    this.session = session;
    this.id = id;
  }

  /** Begins; a daemon without leases needs none. */
  public static Leased begin(Session session) {
    String id = "";
    try {
      id = LeaseVerbs.create(session, "", LIFE_MILLIS, Map.of());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != Status.Code.UNIMPLEMENTED) {
        throw e;
      }
    }
    session.under(id);
    return new Leased(session, id);
  }

  @Override
  public void close() {
    session.under("");
    if (!id.isEmpty()) {
      try {
        session
            .bounded(LeasesGrpc.newBlockingStub(session.channel()))
            .delete(DeleteRequest.newBuilder().setId(id).build());
      } catch (StatusRuntimeException left) {
        // It expires by itself; the work is done.
      }
    }
  }
}
