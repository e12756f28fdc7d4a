package dev.retainerd.runtime.stream;

import dev.retainerd.runtime.stream.CommandSession.Kind;
import io.netty.handler.codec.Headers;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Gathers the streams of an exec or attach and starts it once all are there. */
final class CommandStreams implements Opened {
  private final StreamTargets targets;
  private final StreamRequest request;
  private final Connection connection;
  private final Protocol protocol;
  private final Set<Kind> missing;
  private final Map<Kind, ClientStream> streams = new EnumMap<>(Kind.class);

  CommandStreams(
      StreamTargets targets, StreamRequest request, Connection connection, Protocol protocol) {
    this.targets = targets;
    this.request = request;
    this.connection = connection;
    this.protocol = protocol;
    this.missing = wanted(request, protocol);
  }

  /** The streams of a request: what was asked for, the error stream, and sizes for a terminal. */
  static Set<Kind> wanted(StreamRequest request, Protocol protocol) {
    StreamRequest.Streams asked =
        switch (request) {
          case StreamRequest.Exec exec -> exec.streams();
          case StreamRequest.Attach attach -> attach.streams();
          case StreamRequest.PortForward forward ->
              new StreamRequest.Streams(false, false, false, false);
        };
    Set<Kind> kinds = EnumSet.of(Kind.ERROR);
    if (asked.stdin()) {
      kinds.add(Kind.STDIN);
    }
    if (asked.stdout()) {
      kinds.add(Kind.STDOUT);
    }
    if (asked.stderr() && !asked.tty()) {
      kinds.add(Kind.STDERR);
    }
    if (asked.tty() && protocol.hasSizes()) {
      kinds.add(Kind.RESIZE);
    }
    return kinds;
  }

  @Override
  public boolean opened(ClientStream stream, Headers<CharSequence, CharSequence, ?> headers) {
    CharSequence type = headers.get("streamtype");
    for (Kind kind : Kind.values()) {
      if (type != null && kind.name().toLowerCase(Locale.ROOT).contentEquals(type)) {
        return add(kind, stream);
      }
    }
    return false;
  }

  private boolean add(Kind kind, ClientStream stream) {
    if (!missing.remove(kind)) {
      return false;
    }
    streams.put(kind, stream);
    if (missing.isEmpty()) {
      new CommandSession(targets, request, streams, connection, protocol.hasStatus()).start();
    }
    return true;
  }

  @Override
  public boolean complete() {
    return missing.isEmpty();
  }
}
