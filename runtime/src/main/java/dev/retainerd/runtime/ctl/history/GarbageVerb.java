package dev.retainerd.runtime.ctl.history;

import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Table;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.wire.garbage.v1.CollectReply;
import dev.retainerd.wire.garbage.v1.CollectRequest;
import dev.retainerd.wire.garbage.v1.GarbageGrpc;
import dev.retainerd.wire.garbage.v1.GarbageItem;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code retainctl gc}: removes what nothing in the namespace holds. */
@Command(
    name = "gc",
    description = "remove blobs, snapshots and leases that nothing holds any more")
public final class GarbageVerb extends Verb {
  @Option(names = "--dry-run", description = "only tell what would be removed")
  boolean dryRun;

  @Override
  protected int run(Session session) {
    CollectReply reply =
        session
            .bounded(GarbageGrpc.newBlockingStub(session.channel()))
            .collect(CollectRequest.newBuilder().setDryRun(dryRun).build());
    Table table = Table.narrow("KIND", "ID", "SIZE");
    long bytes = 0;
    for (GarbageItem item : reply.getItemsList()) {
      table.row(item.getKind(), item.getId(), Phrases.bytes(item.getBytes()));
      bytes += item.getBytes();
    }
    table.print(session.out());
    session.println(
        reply.getItemsCount()
            + (dryRun ? " would be removed, " : " removed, ")
            + Phrases.bytes(bytes)
            + (dryRun ? " would be freed" : " freed"));
    reply.getFailuresList().forEach(failure -> session.println("stays: " + failure));
    return reply.getFailuresCount() == 0 ? 0 : 1;
  }
}
