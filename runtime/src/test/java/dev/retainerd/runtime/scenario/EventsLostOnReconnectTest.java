package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.history.v1.EventsGrpc;
import dev.retainerd.wire.history.v1.HistoryEvent;
import dev.retainerd.wire.history.v1.SubscribeRequest;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Case 4, events are lost on reconnect: followers of the history at event N, three kills of the
 * daemon within 1000 events, and each follower comes back for N+1: contiguous, none twice. And one
 * that does not read slows nobody, and loses nothing.
 */
@Tag("real")
class EventsLostOnReconnectTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int EVENTS = 1_000;

  private Node node;
  private History history;
  private Untouched container;

  @BeforeEach
  void start() {
    node = Node.started();
    history = new History(node);
    node.importImage("k8s.io");
    container = Untouched.start(new Pods(node));
  }

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void threeKillsWithinAThousandEvents() {
    long from = history.lastSequence() + 1;
    try (Follower client = Follower.overGrpc(node, from);
        Follower command = Follower.byCommand(node, from)) {
      try (Churn churn = Churn.start(node, 4, 100, 0)) {
        for (int kill = 1; kill <= 3; kill++) {
          long before = history.lastSequence();
          churn.allow(EVENTS / 4);
          Eventually.holds(
              "events behind " + before + " at both followers",
              PATIENCE,
              () ->
                  client.sequences().getLast() >= before + EVENTS / 8
                      && command.sequences().getLast() >= before + EVENTS / 8);
          node.killDaemon();
          container.expectRunning();
          node.start();
        }
        assertTrue(history.lastSequence() <= from + EVENTS, "three kills within 1000 events");
        churn.allow(EVENTS / 4);
        Eventually.holds("the rest", PATIENCE, () -> churn.answered() >= EVENTS * 3 / 4);
      }
      container.expectKnown();
      long last = history.lastSequence();
      Eventually.holds(
          "event " + last + " at both followers",
          PATIENCE,
          () -> client.sequences().getLast() >= last && command.sequences().getLast() >= last);
      expectContiguous(from, client.sequences());
      expectContiguous(from, command.sequences());
      assertTrue(client.subscriptions() >= 3, "it came back " + client.subscriptions() + " times");
      assertTrue(command.subscriptions() >= 3, "it came back " + command.subscriptions());
    }
    container.expectOwnExit();
  }

  @Test
  void aSlowReaderSlowsNobodyAndLosesNothing() {
    long from = history.lastSequence() + 1;
    Slow slow = new Slow();
    EventsGrpc.newStub(node.channel())
        .subscribe(
            SubscribeRequest.newBuilder().setFromSequence(from).setFollow(true).build(), slow);
    try (Follower quick = Follower.overGrpc(node, from)) {
      int events = 2_000;
      try (Churn churn = Churn.start(node, 4, 2_000)) {
        Eventually.holds(events + " changes", PATIENCE, () -> churn.answered() >= events);
        assertTrue(churn.slowestMillis() < 5_000, "a change took " + churn.slowestMillis() + " ms");
      }
      long last = history.lastSequence();
      Eventually.holds(
          "event " + last + " at the quick reader",
          Duration.ofSeconds(5),
          () -> quick.sequences().getLast() >= last);
      assertEquals(1, slow.got.size(), "the slow reader asked for one");
      slow.call.request(Integer.MAX_VALUE);
      Eventually.holds(
          "event " + last + " at the slow reader", PATIENCE, () -> slow.got.getLast() >= last);
      expectContiguous(from, slow.got);
      expectContiguous(from, quick.sequences());
    } finally {
      slow.call.cancel("the test is over", null);
    }
    container.expectKnown();
  }

  private static void expectContiguous(long from, List<Long> sequences) {
    assertEquals(
        LongStream.range(from, from + sequences.size()).boxed().toList(), List.copyOf(sequences));
  }

  /** Takes one event and then no more until it is told to. */
  private static final class Slow
      implements ClientResponseObserver<SubscribeRequest, HistoryEvent> {
    private final List<Long> got = new CopyOnWriteArrayList<>();
    private ClientCallStreamObserver<SubscribeRequest> call;

    @Override
    public void beforeStart(ClientCallStreamObserver<SubscribeRequest> stream) {
      call = stream;
      stream.disableAutoRequestWithInitial(1);
    }

    @Override
    public void onNext(HistoryEvent event) {
      got.add(event.getSequence());
    }

    @Override
    public void onError(Throwable why) {
      // Cancelled at the end of the test; whatever came before that is missing in what it got.
      call = null;
    }

    @Override
    public void onCompleted() {
      call = null;
    }
  }
}
