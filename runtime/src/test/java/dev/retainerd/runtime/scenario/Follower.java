package dev.retainerd.runtime.scenario;

import com.google.gson.JsonParser;
import dev.retainerd.runtime.grpc.UnixChannels;
import dev.retainerd.wire.history.v1.EventsGrpc;
import dev.retainerd.wire.history.v1.HistoryEvent;
import dev.retainerd.wire.history.v1.SubscribeRequest;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Somebody who follows a node's history from a sequence on, and who, whenever the daemon is gone,
 * comes back for the event behind the last one he got. Two of a kind: over gRPC, and by means of
 * {@code retainctl events --from}.
 */
final class Follower implements AutoCloseable {
  private final Node node;
  private final long from;
  private final List<Long> sequences = new CopyOnWriteArrayList<>();
  private final AtomicInteger subscriptions = new AtomicInteger();
  private final Context.CancellableContext call = Context.current().withCancellation();
  private final Thread thread;
  private volatile boolean ended;
  private volatile Process process;

  private Follower(Node node, long from, boolean byCommand) {
    this.node = node;
    this.from = from;
    Runnable once = byCommand ? this::byCommand : () -> call.run(this::overGrpc);
    this.thread = Thread.ofPlatform().name("follower").start(() -> follow(once));
  }

  static Follower overGrpc(Node node, long from) {
    return new Follower(node, from, false);
  }

  static Follower byCommand(Node node, long from) {
    return new Follower(node, from, true);
  }

  /** What was got, in the order of getting. */
  List<Long> sequences() {
    return List.copyOf(sequences);
  }

  /** How often it began anew. */
  int subscriptions() {
    return subscriptions.get();
  }

  private long next() {
    return sequences.isEmpty() ? from : sequences.getLast() + 1;
  }

  private void follow(Runnable once) {
    while (!ended) {
      once.run();
    }
  }

  private void overGrpc() {
    int before = sequences.size();
    try (UnixChannels channels = UnixChannels.open(node.socket())) {
      Iterator<HistoryEvent> events =
          EventsGrpc.newBlockingStub(channels.channel())
              .subscribe(
                  SubscribeRequest.newBuilder().setFromSequence(next()).setFollow(true).build());
      while (events.hasNext()) {
        sequences.add(events.next().getSequence());
      }
    } catch (StatusRuntimeException gone) {
      // The daemon was killed, or is not back yet: come again.
      count(before);
    }
  }

  private void byCommand() {
    int before = sequences.size();
    try {
      process =
          new ProcessBuilder(
                  Node.DIST.resolve("bin/retainctl").toString(),
                  "--address",
                  node.socket().toString(),
                  "--json",
                  "events",
                  "--from",
                  Long.toString(next()),
                  "-f")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      try (BufferedReader lines = process.inputReader()) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          sequences.add(JsonParser.parseString(line).getAsJsonObject().get("sequence").getAsLong());
        }
      }
    } catch (IOException e) {
      throw new AssertionError("is dist/ built?", e);
    }
    count(before);
  }

  private void count(int before) {
    if (sequences.size() > before) {
      subscriptions.incrementAndGet();
    }
  }

  @Override
  public void close() {
    ended = true;
    call.cancel(null);
    if (process != null) {
      process.destroyForcibly();
    }
    try {
      thread.join(10_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
