package dev.retainerd.bench.scenario;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.measure.Unit;
import dev.retainerd.bench.node.Target;
import dev.retainerd.wire.containerd.events.ContainerCreate;
import dev.retainerd.wire.containerd.services.events.v1.SubscribeRequest;
import dev.retainerd.wire.containerd.types.Envelope;
import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * containerd's event stream: how long after a call a subscriber hears of it, and how many events
 * reach it in a second when eight callers create containers. An event that is missing fails the
 * round.
 */
final class EventStage implements Stage {
  private static final int ALONE = 10;
  private static final int BURST = 64;
  private static final int WIDTH = 8;

  @Override
  public String name() {
    return "events";
  }

  @Override
  public String title(Sizes sizes) {
    return "containerd's event stream: call to event, and " + BURST + " creations by 8 callers";
  }

  @Override
  public List<Scenario> turns(Setting setting) {
    List<Scenario> turns = new ArrayList<>();
    setting.targets().forEach(target -> turns.add(new Stream(target, setting.rootfs())));
    return turns;
  }

  private static final class Stream extends ContainerScenario {
    private final RuntimeClient client;
    private final Context.CancellableContext subscription = Context.ROOT.withCancellation();
    private final Map<String, CountDownLatch> awaited = new ConcurrentHashMap<>();
    private final Map<String, Long> heard = new ConcurrentHashMap<>();

    Stream(Target target, Path rootfs) {
      super(target, rootfs);
      this.client = target.connect();
    }

    /** A subscription has no answer of its own: it stands when an event comes. */
    @Override
    public void prepare() throws Exception {
      subscription.run(
          () -> client.events().subscribe(SubscribeRequest.getDefaultInstance(), new Listener()));
      for (int i = 0; i < 100; i++) {
        String id = Containers.id("first-event", i);
        create(id);
        boolean stands = awaited.get(id).await(100, TimeUnit.MILLISECONDS);
        containers.delete(id);
        if (stands) {
          return;
        }
      }
      throw new IllegalStateException("no event came within 10 s of a subscription");
    }

    private void create(String id) {
      awaited.put(id, new CountDownLatch(1));
      containers.create(id, List.of("/bin/true"));
    }

    @Override
    public Readings round(int number) throws Exception {
      Readings readings = new Readings();
      for (int i = 0; i < ALONE; i++) {
        String id = Containers.id("event-" + i, number);
        long started = System.nanoTime();
        create(id);
        await(id);
        readings.addNanos("call to its event", heard.get(id) - started);
        containers.delete(id);
      }
      String prefix = Containers.id("burst", number);
      long started = System.nanoTime();
      AtOnce.run(BURST, WIDTH, i -> create(prefix + "-" + i));
      long last = started;
      for (int i = 0; i < BURST; i++) {
        await(prefix + "-" + i);
        last = Math.max(last, heard.get(prefix + "-" + i));
      }
      AtOnce.run(BURST, WIDTH, i -> containers.delete(prefix + "-" + i));
      awaited.clear();
      heard.clear();
      return readings.add(
          new Metric("events in a burst", Unit.PER_SECOND), BURST / ((last - started) / 1e9));
    }

    private void await(String id) throws InterruptedException {
      if (!awaited.get(id).await(RuntimeClient.DEADLINE_SECONDS, TimeUnit.SECONDS)) {
        throw new IllegalStateException("the event of the creation of " + id + " never came");
      }
    }

    @Override
    public void close() {
      subscription.cancel(null);
      client.close();
      super.close();
    }

    private final class Listener implements StreamObserver<Envelope> {
      @Override
      public void onNext(Envelope event) {
        long now = System.nanoTime();
        if (!event.getTopic().equals("/containers/create")) {
          return;
        }
        try {
          String id = ContainerCreate.parseFrom(event.getEvent().getValue()).getId();
          CountDownLatch latch = awaited.get(id);
          if (latch != null) {
            heard.put(id, now);
            latch.countDown();
          }
        } catch (InvalidProtocolBufferException e) {
          System.err.println("retain-bench: an event of " + target.name() + ": " + e.getMessage());
        }
      }

      /** What never came is told by the round that waits for it. */
      @Override
      public void onError(Throwable failure) {}

      @Override
      public void onCompleted() {}
    }
  }
}
