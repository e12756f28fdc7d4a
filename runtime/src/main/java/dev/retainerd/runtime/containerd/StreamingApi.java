package dev.retainerd.runtime.containerd;

import com.google.protobuf.Any;
import com.google.protobuf.Empty;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.wire.containerd.services.streaming.v1.StreamInit;
import dev.retainerd.wire.containerd.services.streaming.v1.StreamingGrpc;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;

/** Streams that clients open and name, for transfers to use. */
public final class StreamingApi extends StreamingGrpc.StreamingImplBase {
  private final Streams streams;

  StreamingApi(Streams streams) {
    this.streams = streams;
  }

  @Override
  public StreamObserver<Any> stream(StreamObserver<Any> response) {
    var out = (ServerCallStreamObserver<Any>) response;
    String namespace = CallContext.namespace();
    Streams.Duplex stream = new Streams.Duplex(out);
    Dialogue dialogue = new Dialogue(namespace, stream, out);
    out.disableAutoRequest();
    out.setOnReadyHandler(stream::ready);
    out.setOnCancelHandler(dialogue::gone);
    out.request(1);
    return dialogue;
  }

  /** The client's side of one stream. */
  private final class Dialogue implements StreamObserver<Any> {
    private final String namespace;
    private final Streams.Duplex stream;
    private final ServerCallStreamObserver<Any> out;
    private String id = "";

    Dialogue(String namespace, Streams.Duplex stream, ServerCallStreamObserver<Any> out) {
      this.namespace = namespace;
      this.stream = stream;
      this.out = out;
    }

    @Override
    public void onNext(Any message) {
      if (!id.isEmpty()) {
        stream.arrived(message);
        return;
      }
      String named = named(message);
      streams.register(namespace, named, stream);
      id = named;
      // By this the client knows that a transfer can use the stream.
      out.onNext(Translation.packed(Empty.getDefaultInstance()));
      out.request(1);
    }

    private void gone() {
      if (!id.isEmpty()) {
        streams.unregister(namespace, id);
      }
      stream.end();
    }

    @Override
    public void onError(Throwable broken) {
      gone();
    }

    @Override
    public void onCompleted() {
      // What was received is still to be taken, and there may be something to send.
      stream.end();
    }
  }

  private static String named(Any message) {
    String otherwise = "the stream's first message cannot be read";
    return Translation.unpacked(message, StreamInit.getDefaultInstance(), otherwise)
        .map(StreamInit::getId)
        .filter(id -> !id.isEmpty())
        .orElseThrow(
            () ->
                Refusal.invalidArgument(
                    "a stream's first message must be a StreamInit with an id"));
  }
}
