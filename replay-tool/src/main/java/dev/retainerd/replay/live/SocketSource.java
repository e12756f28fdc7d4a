package dev.retainerd.replay.live;

import dev.retainerd.eventlog.DamagedEnvelopeException;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeCodec;
import dev.retainerd.eventlog.EnvelopeHash;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.replay.history.EventSource;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.history.Witness;
import dev.retainerd.wire.history.v1.CheckpointsPart;
import dev.retainerd.wire.history.v1.CheckpointsRequest;
import dev.retainerd.wire.history.v1.EventsGrpc;
import dev.retainerd.wire.history.v1.HistoryEvent;
import dev.retainerd.wire.history.v1.HistoryStatus;
import dev.retainerd.wire.history.v1.HistoryStatusRequest;
import dev.retainerd.wire.history.v1.SubscribeRequest;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * The history of a running daemon, over its socket. The daemon hands out durable events only;
 * hashes and chain are checked here, as with a folder.
 */
public final class SocketSource implements EventSource {
  private static final int CALL_SECONDS = 20;
  private static final int NOTES_BYTES_MAX = 1 << 30;
  private static final int MESSAGE_BYTES_MAX = EnvelopeCodec.CEILING_BYTES + (1 << 20);

  private final Path socket;
  private final EventLoopGroup loop;
  private final ManagedChannel channel;
  private final HistoryStatus status;

  private SocketSource(Path socket) {
    this.socket = socket;
    this.loop =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("rewind-io", true), EpollIoHandler.newFactory());
    this.channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toFile()))
            .channelType(EpollDomainSocketChannel.class)
            .eventLoopGroup(loop)
            .withOption(ChannelOption.SO_KEEPALIVE, null)
            .usePlaintext()
            .overrideAuthority("localhost")
            .maxInboundMessageSize(MESSAGE_BYTES_MAX)
            .build();
    try {
      this.status = askStatus();
    } catch (StatusRuntimeException e) {
      close();
      throw failed(e);
    }
  }

  /**
   * Connects to a daemon.
   *
   * @throws LookFailure where none of ours answers there
   */
  public static SocketSource open(Path socket) {
    if (!Files.exists(socket)) {
      throw new LookFailure(
          "there is no socket " + socket + ": is the daemon running, and is that its address?");
    }
    return new SocketSource(socket);
  }

  private HistoryStatus askStatus() {
    return EventsGrpc.newBlockingStub(channel)
        .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
        .status(HistoryStatusRequest.getDefaultInstance());
  }

  private LookFailure failed(StatusRuntimeException e) {
    String why =
        switch (e.getStatus().getCode()) {
          case UNIMPLEMENTED -> "whoever answers there is no retainerd";
          case UNAVAILABLE -> "nobody answers there";
          default ->
              e.getStatus().getDescription() == null
                  ? e.getStatus().getCode().toString()
                  : e.getStatus().getDescription();
        };
    return new LookFailure("the history cannot be read over " + socket + ": " + why, e);
  }

  @Override
  public String name() {
    return "unix:" + socket;
  }

  @Override
  public String nodeId() {
    return status.getNodeId();
  }

  @Override
  public long lastSequence() {
    try {
      return askStatus().getDurableSequence();
    } catch (StatusRuntimeException e) {
      throw failed(e);
    }
  }

  @Override
  public List<String> findings() {
    List<String> findings = new ArrayList<>(status.getDamagesList());
    findings.add("the daemon itself hands out these events: its disk was not looked at");
    return findings;
  }

  /** Those beside the daemon's log; none where an older daemon does not hand them out. */
  @Override
  public Witness witness() {
    ByteArrayOutputStream notes = new ByteArrayOutputStream();
    String key = "";
    try {
      Iterator<CheckpointsPart> parts =
          EventsGrpc.newBlockingStub(channel)
              .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
              .checkpoints(CheckpointsRequest.getDefaultInstance());
      while (parts.hasNext()) {
        CheckpointsPart part = parts.next();
        key = key.isEmpty() ? part.getKey() : key;
        notes.writeBytes(part.getNotes().toByteArray());
        if (notes.size() > NOTES_BYTES_MAX) {
          throw new LookFailure("the daemon hands out more checkpoints than anybody signs");
        }
      }
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.UNIMPLEMENTED) {
        return Witness.NONE;
      }
      throw failed(e);
    }
    return notes.size() == 0
        ? Witness.NONE
        : new Witness(
            Optional.of(notes.toByteArray()),
            key.isEmpty() ? Optional.empty() : Optional.of(key),
            Map.of());
  }

  @Override
  public Walk walk(long from, boolean verify) {
    return new Events(from, verify);
  }

  @Override
  public void close() {
    channel.shutdownNow();
    try {
      channel.awaitTermination(2, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }

  /** One stream of the daemon; a second one once somebody waits for events to come. */
  private final class Events implements Walk {
    private final EnvelopeHash hasher = new EnvelopeHash();
    private final boolean verify;
    private final Context.CancellableContext context = Context.current().withCancellation();
    private Iterator<HistoryEvent> stream;
    private boolean following;
    private boolean first = true;
    private long expected;
    private Optional<byte[]> previous = Optional.empty();

    Events(long from, boolean verify) {
      this.verify = verify;
      // What is no longer retained cannot be asked for.
      this.expected = Math.max(Math.max(1, from), status.getFirstSequence());
      this.stream = subscribe(false);
    }

    private Iterator<HistoryEvent> subscribe(boolean follow) {
      SubscribeRequest request =
          SubscribeRequest.newBuilder().setFromSequence(expected).setFollow(follow).build();
      Context before = context.attach();
      try {
        return EventsGrpc.newBlockingStub(channel).subscribe(request);
      } finally {
        context.detach(before);
      }
    }

    @Override
    public Optional<LogEntry> next() {
      try {
        return stream.hasNext() ? Optional.of(judge(stream.next())) : Optional.empty();
      } catch (StatusRuntimeException e) {
        if (e.getStatus().getCode() == Status.Code.OUT_OF_RANGE) {
          return Optional.empty();
        }
        throw failed(e);
      }
    }

    /** Waits as long as it takes: the daemon says when there is something. */
    @Override
    public Optional<LogEntry> await(Duration patience) {
      if (!following) {
        Optional<LogEntry> there = next();
        if (there.isPresent()) {
          return there;
        }
        following = true;
        stream = subscribe(true);
      }
      return next();
    }

    private LogEntry judge(HistoryEvent event) {
      LogEntry.Place place = new LogEntry.Place(status.getGeneration(), socket, 0);
      byte[] bytes = event.getEnvelope().toByteArray();
      try {
        Envelope envelope = EnvelopeCodec.decode(bytes);
        boolean continues = first || envelope.sequence() == expected;
        boolean follows = previous.isEmpty() || envelope.follows(previous.get());
        expected = envelope.sequence() + 1;
        first = false;
        previous = Optional.of(envelope.hash());
        if (!continues || verify && !follows) {
          return new LogEntry.ChainBroken(
              place,
              envelope,
              "event " + envelope.sequence() + " does not continue the event before it");
        }
        return verify && !Arrays.equals(hasher.ofBytes(bytes), envelope.hash())
            ? new LogEntry.HashWrong(place, envelope)
            : new LogEntry.Good(place, envelope);
      } catch (DamagedEnvelopeException e) {
        return new LogEntry.Lost(place, event.getSequence(), event.getSequence(), e.getMessage());
      }
    }

    @Override
    public String tail() {
      return "";
    }

    @Override
    public void close() {
      context.cancel(null);
    }
  }
}
