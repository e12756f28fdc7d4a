package dev.retainerd.runtime.ctl.image;

import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.wire.containerd.types.transfer.ImageStore;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code retainctl images push}: done by the daemon. */
@Command(name = "push", description = "push an image to a remote")
public final class PushVerb extends RegistryVerb {
  @Parameters(index = "0", paramLabel = "REMOTE", description = "where to: registry, path and tag")
  String remote;

  @Parameters(index = "1", arity = "0..1", paramLabel = "REF", description = "default: REMOTE")
  String local = "";

  @Override
  protected int run(Session session) throws InterruptedException {
    DaemonTransfer transfer = new DaemonTransfer(session);
    String name = local.isEmpty() ? remote : local;
    Optional<DaemonTransfer.Pipe> credentials = credentials(transfer);
    try {
      transfer.run(
          ImageStore.newBuilder().setName(name).build(),
          registry(remote, credentials),
          ProgressBars.on(session.out()));
    } finally {
      credentials.ifPresent(DaemonTransfer.Pipe::close);
    }
    session.println("pushed " + remote);
    return 0;
  }
}
