package dev.retainerd.runtime.ctl.history;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.retainerd.eventlog.EnvelopeCodec;
import dev.retainerd.eventlog.event.UnreadableEventException;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.store.words.Explanation;
import dev.retainerd.store.words.SubjectSearch;
import dev.retainerd.store.words.Told;
import dev.retainerd.wire.garbage.v1.GarbageGrpc;
import dev.retainerd.wire.garbage.v1.HoldersReply;
import dev.retainerd.wire.garbage.v1.HoldersRequest;
import dev.retainerd.wire.garbage.v1.Holding;
import dev.retainerd.wire.history.v1.EventsGrpc;
import dev.retainerd.wire.history.v1.HistoryEvent;
import dev.retainerd.wire.history.v1.HistoryFilter;
import dev.retainerd.wire.history.v1.SubscribeRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code retainctl explain}: why a thing is as it is, told from the history. */
@Command(
    name = "explain",
    description = "say why a container, pod or image is as it is, and what holds a blob")
public final class ExplainVerb extends Verb {
  @Parameters(index = "0", paramLabel = "ID", description = "an id, or its beginning")
  String id;

  @Override
  protected int run(Session session) {
    if (id.startsWith("sha256:") && held(session)) {
      return 0;
    }
    Iterator<HistoryEvent> events =
        session
            .bounded(EventsGrpc.newBlockingStub(session.channel()))
            .subscribe(
                SubscribeRequest.newBuilder()
                    .setFilter(HistoryFilter.newBuilder().setAbout(id))
                    .build());
    List<Told> life = new ArrayList<>();
    SubjectSearch search = new SubjectSearch(id);
    while (events.hasNext()) {
      try {
        Told told = Told.of(EnvelopeCodec.decode(events.next().getEnvelope().toByteArray()));
        life.add(told);
        search.see(told.envelope().subject());
      } catch (UnreadableEventException unknown) {
        // An event of a newer daemon: what this version knows still explains something.
      }
    }
    Explanation explanation = new Explanation(search.found().orElse(id));
    life.forEach(explanation::add);
    List<String> lines = explanation.lines();
    if (session.json()) {
      JsonObject tree = new JsonObject();
      tree.addProperty("id", search.found().orElse(id));
      tree.addProperty("verdict", lines.getFirst());
      tree.add("reasons", Trees.of(lines.subList(1, lines.size())));
      session.print(tree);
    } else {
      lines.forEach(session::println);
    }
    return 0;
  }

  /** Tells what holds a blob or a snapshot; false where the node has none of that name. */
  private boolean held(Session session) {
    HoldersReply reply;
    try {
      reply =
          session
              .bounded(GarbageGrpc.newBlockingStub(session.channel()))
              .holders(HoldersRequest.newBuilder().setId(id).build());
    } catch (StatusRuntimeException e) {
      boolean unknown =
          e.getStatus().getCode() == Status.Code.NOT_FOUND
              || e.getStatus().getCode() == Status.Code.UNIMPLEMENTED;
      if (unknown) {
        return false;
      }
      throw e;
    }
    JsonArray tree = new JsonArray();
    for (Holding holding : reply.getHoldingsList()) {
      String verdict =
          holding.getChainsCount() == 0
              ? id
                  + " is held by nothing in namespace "
                  + holding.getNamespace()
                  + ": the next collection takes it"
              : id
                  + " is held in namespace "
                  + holding.getNamespace()
                  + " by "
                  + holding.getChains(0).getThings(0);
      List<String> ways =
          holding.getChainsList().stream()
              .map(chain -> String.join(" -> ", chain.getThingsList()))
              .toList();
      JsonObject one = new JsonObject();
      one.addProperty("namespace", holding.getNamespace());
      one.addProperty("verdict", verdict);
      one.add("reasons", Trees.of(ways));
      tree.add(one);
      if (!session.json()) {
        session.println(verdict);
        ways.forEach(way -> session.println("  " + way));
      }
    }
    if (session.json()) {
      session.print(tree);
    }
    return true;
  }
}
