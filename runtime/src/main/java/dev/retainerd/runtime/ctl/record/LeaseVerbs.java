package dev.retainerd.runtime.ctl.record;

import dev.retainerd.runtime.ctl.command.Labels;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Table;
import dev.retainerd.runtime.ctl.command.Times;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.wire.containerd.services.leases.v1.CreateRequest;
import dev.retainerd.wire.containerd.services.leases.v1.DeleteRequest;
import dev.retainerd.wire.containerd.services.leases.v1.Lease;
import dev.retainerd.wire.containerd.services.leases.v1.LeasesGrpc;
import dev.retainerd.wire.containerd.services.leases.v1.ListRequest;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl leases}: what keeps content and snapshots from being collected. */
public final class LeaseVerbs {
  private static final String EXPIRES = "containerd.io/gc.expire";

  private LeaseVerbs() {}

  private static LeasesGrpc.LeasesBlockingStub stub(Session session) {
    return session.bounded(LeasesGrpc.newBlockingStub(session.channel()));
  }

  /** Lists them. */
  @Command(name = "list", description = "list all active leases")
  public static final class Ls extends Verb {
    @Option(
        names = {"-q", "--quiet"},
        description = "print only the lease id")
    boolean quiet;

    @Parameters(paramLabel = "FILTER")
    List<String> filters = new ArrayList<>();

    @Override
    protected int run(Session session) {
      Table table = Table.narrow("ID", "CREATED AT", "LABELS");
      for (Lease one :
          stub(session)
              .list(ListRequest.newBuilder().addAllFilters(filters).build())
              .getLeasesList()) {
        if (quiet) {
          session.println(one.getId());
        }
        table.row(one.getId(), Times.rfc3339(one.getCreatedAt()), Labels.text(one.getLabelsMap()));
      }
      if (!quiet) {
        table.print(session.out());
      }
      return 0;
    }
  }

  /** Creates one. */
  @Command(name = "create", description = "create lease")
  public static final class Create extends Verb {
    @Option(names = "--id", description = "set the id for the lease, made up by default")
    String id = "";

    @Option(
        names = {"-x", "--expires"},
        defaultValue = "24h",
        description = "expiration of lease (0 will not expire); default 24h")
    String expires;

    @Parameters(paramLabel = "KEY=VALUE")
    List<String> labels = new ArrayList<>();

    @Override
    protected int run(Session session) {
      session.println(create(session, id, Times.millis(expires), Labels.parse(labels)));
      return 0;
    }
  }

  /** Makes a lease and returns its id; {@code lifeMillis} 0: it never expires. */
  public static String create(
      Session session, String id, long lifeMillis, Map<String, String> labels) {
    Map<String, String> all = new HashMap<>(labels);
    if (lifeMillis > 0) {
      Instant end = Instant.now().plusMillis(lifeMillis).truncatedTo(ChronoUnit.SECONDS);
      all.put(EXPIRES, end.toString());
    }
    String wanted = id.isEmpty() ? "retainctl-" + UUID.randomUUID() : id;
    return stub(session)
        .create(CreateRequest.newBuilder().setId(wanted).putAllLabels(all).build())
        .getLease()
        .getId();
  }

  /** Deletes some. */
  @Command(name = "delete", description = "delete a lease")
  public static final class Rm extends Verb {
    @Option(
        names = "--sync",
        description = "Synchronously remove leases and all unreferenced resources")
    boolean sync;

    @Parameters(arity = "1..*", paramLabel = "LEASE")
    List<String> ids;

    @Override
    protected int run(Session session) {
      return Trees.each(
          session,
          ids,
          id -> {
            stub(session).delete(DeleteRequest.newBuilder().setId(id).setSync(sync).build());
            session.println(id);
          });
    }
  }
}
