package dev.retainerd.runtime.stream;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonStreamParser;
import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An exec or attach once all of its streams are there: runs the target on a virtual thread, tells
 * the outcome on the error stream, and closes.
 */
final class CommandSession {
  private static final Logger LOG = LoggerFactory.getLogger(CommandSession.class);

  /** The streams of a command, each with its channel number over WebSocket. */
  enum Kind {
    STDIN(0),
    STDOUT(1),
    STDERR(2),
    ERROR(3),
    RESIZE(4);

    private final int channel;

    Kind(int channel) {
      this.channel = channel;
    }

    int channel() {
      return channel;
    }

    boolean isForClient() {
      return this == STDOUT || this == STDERR || this == ERROR;
    }
  }

  private final StreamTargets targets;
  private final StreamRequest request;
  private final Map<Kind, ClientStream> streams;
  private final Connection connection;
  private final boolean statusObjects;

  CommandSession(
      StreamTargets targets,
      StreamRequest request,
      Map<Kind, ClientStream> streams,
      Connection connection,
      boolean statusObjects) {
    this.targets = targets;
    this.request = request;
    this.streams = new EnumMap<>(streams);
    this.connection = connection;
    this.statusObjects = statusObjects;
  }

  void start() {
    Thread.ofVirtual().name(request.verb()).start(this::run);
  }

  private void run() {
    SizeReader sizes = new SizeReader();
    Optional.ofNullable(streams.get(Kind.RESIZE))
        .ifPresent(resize -> Thread.startVirtualThread(() -> sizes.read(resize.input())));
    StreamIo io =
        new StreamIo(
            Optional.ofNullable(streams.get(Kind.STDIN)).map(ClientStream::input),
            Optional.ofNullable(streams.get(Kind.STDOUT)).map(ClientStream::output),
            Optional.ofNullable(streams.get(Kind.STDERR)).map(ClientStream::output),
            sizes,
            connection.gone());
    try {
      tell(outcome(io));
    } catch (IOException e) {
      LOG.debug("a client of {} is gone: {}", request.verb(), e.getMessage());
    } finally {
      streams.values().forEach(stream -> stream.input().close());
      connection.close();
    }
  }

  private CommandOutcome outcome(StreamIo io) throws IOException {
    try {
      return switch (request) {
        case StreamRequest.Exec exec -> new CommandOutcome.Exited(targets.exec(exec, io));
        case StreamRequest.Attach attach -> {
          targets.attach(attach, io);
          yield new CommandOutcome.Exited(0);
        }
        case StreamRequest.PortForward forward ->
            throw new IllegalStateException("a port-forward is no command: " + forward);
      };
    } catch (Refusal e) {
      return new CommandOutcome.Failed(e.sentence());
    } catch (RuntimeException e) {
      LOG.error("{} failed", request.verb(), e);
      return new CommandOutcome.Failed("the daemon failed; its log has the reason");
    }
  }

  /** Output first, then the outcome: a client stops listening when it has that. */
  private void tell(CommandOutcome outcome) throws IOException {
    for (Kind kind : new Kind[] {Kind.STDOUT, Kind.STDERR}) {
      if (streams.containsKey(kind)) {
        streams.get(kind).output().close();
      }
    }
    ClientStream error = streams.get(Kind.ERROR);
    if (error != null) {
      try (OutputStream out = error.output()) {
        out.write(outcome.text(statusObjects).getBytes(StandardCharsets.UTF_8));
      }
    }
  }

  /** Reads the sizes a client sends, as JSON objects one after the other. */
  private static final class SizeReader implements StreamIo.Resizes {
    private TerminalSize latest;
    private Consumer<TerminalSize> listener;

    @Override
    public synchronized void listen(Consumer<TerminalSize> newListener) {
      listener = newListener;
      if (latest != null) {
        newListener.accept(latest);
      }
    }

    private synchronized void accept(TerminalSize size) {
      latest = size;
      if (listener != null) {
        listener.accept(size);
      }
    }

    void read(InputStream stream) {
      try {
        JsonStreamParser objects =
            new JsonStreamParser(new InputStreamReader(stream, StandardCharsets.UTF_8));
        while (objects.hasNext()) {
          if (objects.next() instanceof JsonObject object) {
            int width = number(object, "Width");
            int height = number(object, "Height");
            if (width > 0 && height > 0) {
              accept(new TerminalSize(width, height));
            }
          }
        }
      } catch (JsonParseException e) {
        // The command goes on with the size it has; the client is at fault.
        LOG.debug("a client sent a terminal size that is no JSON: {}", e.getMessage());
      }
    }

    private static int number(JsonObject object, String name) {
      boolean isNumber = object.get(name) instanceof JsonPrimitive value && value.isNumber();
      int number = isNumber ? object.get(name).getAsInt() : 0;
      return number <= 0xffff ? number : 0;
    }
  }
}
