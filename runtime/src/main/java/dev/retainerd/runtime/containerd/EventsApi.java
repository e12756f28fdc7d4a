package dev.retainerd.runtime.containerd;

import com.google.protobuf.Empty;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.Filter;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.grpc.Identifiers;
import dev.retainerd.wire.containerd.services.events.v1.EventsGrpc;
import dev.retainerd.wire.containerd.services.events.v1.ForwardRequest;
import dev.retainerd.wire.containerd.services.events.v1.PublishRequest;
import dev.retainerd.wire.containerd.services.events.v1.SubscribeRequest;
import dev.retainerd.wire.containerd.types.Envelope;
import io.grpc.stub.StreamObserver;
import java.util.regex.Pattern;

/** The event stream of containerd's clients. What they publish is handed on and not kept. */
public final class EventsApi extends EventsGrpc.EventsImplBase {
  private static final Pattern TOPIC = Pattern.compile("(/[A-Za-z0-9?]+(?:[._-][A-Za-z0-9]+)*)+");

  private final EventExchange exchange;

  public EventsApi(EventExchange exchange) {
    this.exchange = exchange;
  }

  @Override
  public void publish(PublishRequest request, StreamObserver<Empty> response) {
    checkTopic(request.getTopic());
    Calls.answer(
        response,
        () -> {
          exchange.send(
              Envelope.newBuilder()
                  .setTimestamp(Translation.timestamp(Translation.nowNanos()))
                  .setNamespace(CallContext.namespace())
                  .setTopic(request.getTopic())
                  .setEvent(request.getEvent())
                  .build());
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void forward(ForwardRequest request, StreamObserver<Empty> response) {
    Envelope envelope = request.getEnvelope();
    Identifiers.check("namespace", envelope.getNamespace());
    checkTopic(envelope.getTopic());
    if (!envelope.hasTimestamp()) {
      throw Refusal.invalidArgument("a forwarded event must carry its timestamp");
    }
    Calls.answer(
        response,
        () -> {
          exchange.send(envelope);
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void subscribe(SubscribeRequest request, StreamObserver<Envelope> response) {
    EventExchange.Subscription subscription =
        exchange.subscribe(Filter.any(request.getFiltersList()));
    ServerStream.start(
        response,
        "events-subscriber",
        stream -> {
          try (subscription) {
            while (!stream.isOver()) {
              var next = subscription.next();
              if (next.isPresent()) {
                stream.send(next.get());
              }
            }
          }
        });
  }

  private static void checkTopic(String topic) {
    if (!TOPIC.matcher(topic).matches()) {
      throw Refusal.invalidArgument(
          "\"%s\" is no topic: it is parts of letters and digits, each after a slash"
              .formatted(topic));
    }
  }
}
