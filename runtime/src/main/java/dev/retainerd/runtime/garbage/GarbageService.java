package dev.retainerd.runtime.garbage;

import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.image.GarbageCollector;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.StateView;
import dev.retainerd.wire.garbage.v1.Chain;
import dev.retainerd.wire.garbage.v1.CollectReply;
import dev.retainerd.wire.garbage.v1.CollectRequest;
import dev.retainerd.wire.garbage.v1.GarbageGrpc;
import dev.retainerd.wire.garbage.v1.GarbageItem;
import dev.retainerd.wire.garbage.v1.HoldersReply;
import dev.retainerd.wire.garbage.v1.HoldersRequest;
import dev.retainerd.wire.garbage.v1.Holding;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** {@code dev.retainerd.garbage.v1.Garbage}. Thread-safe. */
public final class GarbageService extends GarbageGrpc.GarbageImplBase {
  private final GarbageCollector collector;
  private final StateView state;
  private final Supplier<Origin> origins;

  /**
   * @param origins who makes the present call
   */
  public GarbageService(GarbageCollector collector, StateView state, Supplier<Origin> origins) {
    this.collector = collector;
    this.state = state;
    this.origins = origins;
  }

  @Override
  public void collect(CollectRequest request, StreamObserver<CollectReply> responses) {
    String namespace = CallContext.namespace();
    GarbageCollector.Collected collected =
        request.getDryRun()
            ? collector.look(namespace)
            : collector.collect(origins.get(), namespace, GarbageCollector.Cause.ASKED);
    CollectReply.Builder reply = CollectReply.newBuilder().addAllFailures(collected.failures());
    for (GarbageCollector.Item item : collected.items()) {
      reply.addItems(
          GarbageItem.newBuilder().setKind(item.kind()).setId(item.id()).setBytes(item.bytes()));
    }
    responses.onNext(reply.build());
    responses.onCompleted();
  }

  @Override
  public void holders(HoldersRequest request, StreamObserver<HoldersReply> responses) {
    List<String> namespaces = new ArrayList<>();
    state.forEach(Kind.NAMESPACE, (key, entry) -> namespaces.add(key.id()));
    HoldersReply.Builder reply = HoldersReply.newBuilder();
    for (String namespace : namespaces) {
      collector
          .holders(namespace, request.getId())
          .ifPresent(chains -> reply.addHoldings(holding(namespace, chains)));
    }
    if (reply.getHoldingsCount() == 0) {
      throw Refusal.notFound(
          "no namespace has a blob or a snapshot " + request.getId() + "; look at content ls");
    }
    responses.onNext(reply.build());
    responses.onCompleted();
  }

  private static Holding holding(String namespace, List<List<String>> chains) {
    Holding.Builder holding = Holding.newBuilder().setNamespace(namespace);
    chains.forEach(chain -> holding.addChains(Chain.newBuilder().addAllThings(chain)));
    return holding.build();
  }
}
