package dev.retainerd.runtime.ctl;

import com.google.gson.JsonObject;
import com.google.protobuf.Empty;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.wire.containerd.services.introspection.v1.IntrospectionGrpc;
import dev.retainerd.wire.containerd.services.version.v1.VersionGrpc;
import dev.retainerd.wire.containerd.services.version.v1.VersionResponse;
import io.grpc.StatusRuntimeException;
import picocli.CommandLine.Command;

/** {@code retainctl version}: both ends. */
@Command(name = "version", description = "print the client and server versions")
final class VersionVerb extends Verb {

  @Override
  protected int run(Session session) {
    VersionResponse server =
        session
            .bounded(VersionGrpc.newBlockingStub(session.channel()))
            .version(Empty.getDefaultInstance());
    String uuid = uuid(session);
    if (session.json()) {
      JsonObject tree = new JsonObject();
      tree.addProperty("Client", RetainctlMain.version());
      tree.addProperty("Server", server.getVersion());
      tree.addProperty("Revision", server.getRevision());
      tree.addProperty("UUID", uuid);
      session.print(tree);
      return 0;
    }
    session.println("Client:");
    session.println("  Version:  " + RetainctlMain.version());
    session.println("  Java version: " + Runtime.version());
    session.println("");
    session.println("Server:");
    session.println("  Version:  " + server.getVersion());
    session.println("  Revision: " + server.getRevision());
    session.println("  UUID: " + uuid);
    return 0;
  }

  private static String uuid(Session session) {
    try {
      return session
          .bounded(IntrospectionGrpc.newBlockingStub(session.channel()))
          .server(Empty.getDefaultInstance())
          .getUuid();
    } catch (StatusRuntimeException notOffered) {
      return "-";
    }
  }
}
