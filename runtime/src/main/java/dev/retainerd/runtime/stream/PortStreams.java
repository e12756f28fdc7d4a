package dev.retainerd.runtime.stream;

import io.netty.handler.codec.Headers;
import java.util.HashMap;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * Pairs the streams of a port-forward over SPDY: an error stream and a data stream with the same
 * request id make one connection to the pod. For the event loop's thread only.
 */
final class PortStreams implements Opened {
  private static final int MOST_HALF_OPEN = 256;

  /** Half of a pair, waiting for the other. */
  private record Half(boolean isData, int port, ClientStream stream) {}

  private final StreamTargets targets;
  private final String sandboxId;
  private final IntConsumer done;
  private final Map<String, Half> waiting = new HashMap<>();
  private boolean any;

  /**
   * @param done is told the ids of streams that have served, on any thread
   */
  PortStreams(StreamTargets targets, String sandboxId, IntConsumer done) {
    this.targets = targets;
    this.sandboxId = sandboxId;
    this.done = done;
  }

  @Override
  public boolean opened(ClientStream stream, Headers<CharSequence, CharSequence, ?> headers) {
    String type = String.valueOf(headers.get("streamtype"));
    boolean isData = type.equals("data");
    int port = port(String.valueOf(headers.get("port")));
    if (port == 0 || (!isData && !type.equals("error"))) {
      return false;
    }
    CharSequence given = headers.get("requestid");
    // Clients of old open the error stream first and the data stream right after it.
    String id = given != null ? given.toString() : "" + (isData ? stream.id() - 2 : stream.id());
    Half half = new Half(isData, port, stream);
    Half other = waiting.remove(id);
    if (other == null) {
      if (waiting.size() >= MOST_HALF_OPEN) {
        return false;
      }
      waiting.put(id, half);
      return true;
    }
    if (other.isData == isData || other.port != port) {
      waiting.put(id, other);
      return false;
    }
    any = true;
    start(isData ? half : other, isData ? other : half);
    return true;
  }

  private void start(Half data, Half error) {
    new PortPump(targets, sandboxId, data.port, data.stream, error.stream)
        .start(
            () -> {
              done.accept(data.stream.id());
              done.accept(error.stream.id());
            });
  }

  /** 0 for what is no port. */
  static int port(String text) {
    try {
      int port = Integer.parseInt(text);
      return port > 0 && port <= 65535 ? port : 0;
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  /** A client keeps the connection for pairs to come, so only one that opened none is late. */
  @Override
  public boolean complete() {
    return any || waiting.isEmpty();
  }
}
