package dev.retainerd.shim.protocol;

import com.google.protobuf.MessageLite;
import dev.retainerd.shim.wire.ttrpc.KeyValue;
import dev.retainerd.shim.wire.ttrpc.Request;
import dev.retainerd.shim.wire.ttrpc.Response;
import dev.retainerd.shim.wire.ttrpc.Status;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One call that a server received and owes exactly one answer. Thread-safe; the answer may come
 * from any thread and at any time, a second one is dropped.
 */
public final class TtrpcCall {
  private static final String TOO_LARGE = "the answer is larger than a ttrpc frame may be";

  private final Request request;
  private final int stream;
  private final FrameSender sender;
  private final AtomicBoolean answered = new AtomicBoolean();

  TtrpcCall(Request request, int stream, FrameSender sender) {
    this.request = request;
    this.stream = stream;
    this.sender = sender;
  }

  public String service() {
    return request.getService();
  }

  public String method() {
    return request.getMethod();
  }

  public byte[] payload() {
    return request.getPayload().toByteArray();
  }

  /** The containerd namespace named in the call's metadata; empty when none is. */
  public String namespace() {
    for (int i = 0; i < request.getMetadataCount(); i++) {
      KeyValue pair = request.getMetadata(i);
      if (ServiceNames.NAMESPACE_KEY.equals(pair.getKey())) {
        return pair.getValue();
      }
    }
    return "";
  }

  public void answer(MessageLite message) {
    Response.Builder response = Response.newBuilder().setPayload(message.toByteString());
    if (response.getPayload().size() > Frame.MAX_DATA_BYTES - 64) {
      fail(StatusCode.RESOURCE_EXHAUSTED, TOO_LARGE);
      return;
    }
    send(response.build());
  }

  public void fail(StatusCode code, String message) {
    send(
        Response.newBuilder()
            .setStatus(Status.newBuilder().setCode(code.number()).setMessage(message))
            .build());
  }

  public void fail(TtrpcException refusal) {
    fail(refusal.code(), refusal.getMessage());
  }

  private void send(Response response) {
    if (answered.compareAndSet(false, true)) {
      sender.send(new Frame(stream, Frame.RESPONSE, (byte) 0, response.toByteArray()));
    }
  }
}
