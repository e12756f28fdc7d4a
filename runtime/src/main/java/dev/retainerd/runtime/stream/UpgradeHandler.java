package dev.retainerd.runtime.stream;

import dev.retainerd.runtime.stream.CommandSession.Kind;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.codec.http.websocketx.WebSocketFrameAggregator;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshaker13;
import io.netty.handler.codec.spdy.SpdyFrameCodec;
import io.netty.handler.codec.spdy.SpdyVersion;
import io.netty.handler.timeout.IdleStateHandler;
import io.netty.handler.timeout.ReadTimeoutHandler;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The first and only HTTP request of a connection: redeems the token of its path and turns the
 * connection into one of SPDY or WebSocket. For the event loop's thread only.
 */
final class UpgradeHandler extends SimpleChannelInboundHandler<FullHttpRequest> {
  private static final Logger LOG = LoggerFactory.getLogger(UpgradeHandler.class);
  private static final String PROTOCOL_HEADER = "X-Stream-Protocol-Version";
  private static final int LARGEST_MESSAGE = 4 << 20;
  private static final int LARGEST_HEADER_BLOCK = 16 << 10;
  private static final int LARGEST_SPDY_CHUNK = 64 << 10;
  private static final Duration SLOWEST_WRITE = Duration.ofMinutes(2);

  private final Tickets tickets;
  private final StreamTargets targets;
  private final StreamServerOptions options;

  UpgradeHandler(Tickets tickets, StreamTargets targets, StreamServerOptions options) {
    this.tickets = tickets;
    this.targets = targets;
    this.options = options;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
    boolean webSocket =
        request.headers().containsValue(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET, true);
    boolean spdy = request.headers().containsValue(HttpHeaderNames.UPGRADE, "SPDY/3.1", true);
    if (!webSocket && !spdy) {
      refuse(
          context,
          HttpResponseStatus.BAD_REQUEST,
          "ask for an upgrade to SPDY/3.1 or websocket at this address");
      return;
    }
    QueryStringDecoder uri = new QueryStringDecoder(request.uri());
    String[] path = uri.path().split("/", -1);
    Optional<StreamRequest> redeemed =
        path.length == 3 ? tickets.redeem(path[1], path[2]) : Optional.empty();
    if (redeemed.isEmpty()) {
      refuse(
          context,
          HttpResponseStatus.NOT_FOUND,
          "this address is unknown, used already, or older than a minute; ask for a new one");
    } else if (webSocket) {
      toWebSocket(context, request, redeemed.get(), ports(uri, redeemed.get()));
    } else {
      toSpdy(context, request, redeemed.get());
    }
  }

  private static void refuse(
      ChannelHandlerContext context, HttpResponseStatus status, String sentence) {
    FullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1,
            status,
            Unpooled.copiedBuffer(sentence + "\n", StandardCharsets.UTF_8));
    response.headers().set(HttpHeaderNames.CONTENT_TYPE, "text/plain; charset=utf-8");
    response.headers().set(HttpHeaderNames.CONTENT_LENGTH, response.content().readableBytes());
    response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
  }

  private void toSpdy(ChannelHandlerContext context, FullHttpRequest http, StreamRequest request) {
    List<String> clients = words(http.headers().getAll(PROTOCOL_HEADER));
    boolean forward = request instanceof StreamRequest.PortForward;
    List<Protocol> known = forward ? Protocol.SPDY_PORT_FORWARD : Protocol.SPDY_COMMAND;
    Optional<Protocol> chosen =
        clients.isEmpty() ? Optional.of(Protocol.FIRST) : Protocol.choose(clients, known);
    if (chosen.isEmpty()) {
      refuse(
          context,
          HttpResponseStatus.FORBIDDEN,
          "none of the protocols " + clients + " is known; use " + known.getFirst().name());
      return;
    }
    FullHttpResponse response =
        new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.SWITCHING_PROTOCOLS);
    response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE);
    response.headers().set(HttpHeaderNames.UPGRADE, "SPDY/3.1");
    if (!clients.isEmpty()) {
      response.headers().set(PROTOCOL_HEADER, chosen.get().name());
    }
    Channel channel = context.channel();
    context
        .writeAndFlush(response)
        .addListener(
            written -> {
              if (written.isSuccess()) {
                becomeSpdy(channel, request, chosen.get());
              }
            });
  }

  private void becomeSpdy(Channel channel, StreamRequest request, Protocol protocol) {
    Connection connection = new Connection(channel, new SpdyFraming(), SLOWEST_WRITE);
    SpdyHandler[] handler = new SpdyHandler[1];
    Opened opened =
        request instanceof StreamRequest.PortForward forward
            ? new PortStreams(
                targets, forward.sandboxId(), id -> onLoop(channel, () -> handler[0].drop(id)))
            : new CommandStreams(targets, request, connection, protocol);
    handler[0] = new SpdyHandler(connection, opened, options.creationTimeout().toMillis());
    channel
        .pipeline()
        .addLast(
            idle(),
            new SpdyFrameCodec(
                SpdyVersion.SPDY_3_1, LARGEST_SPDY_CHUNK, LARGEST_HEADER_BLOCK, 6, 15, 8),
            handler[0]);
    leaveHttp(channel);
  }

  private static void onLoop(Channel channel, Runnable work) {
    try {
      channel.eventLoop().execute(work);
    } catch (RejectedExecutionException e) {
      LOG.trace("the server stops, and its connections with it");
    }
  }

  /** What the client sent right behind its request comes out of the HTTP codec and goes on. */
  private void leaveHttp(Channel channel) {
    channel.pipeline().remove(ReadTimeoutHandler.class);
    channel.pipeline().remove(this);
    channel.pipeline().remove(HttpObjectAggregator.class);
    channel.pipeline().remove(HttpServerCodec.class);
  }

  private IdleStateHandler idle() {
    return new IdleStateHandler(0, 0, options.idleTimeout().toMillis(), TimeUnit.MILLISECONDS);
  }

  private void toWebSocket(
      ChannelHandlerContext context,
      FullHttpRequest http,
      StreamRequest request,
      List<Integer> ports) {
    List<String> clients = words(http.headers().getAll(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL));
    Optional<Protocol> chosen =
        clients.isEmpty()
            ? Optional.of(Protocol.FIRST)
            : Protocol.choose(clients, Protocol.WEB_SOCKET);
    if (chosen.isEmpty() || !http.headers().contains(HttpHeaderNames.SEC_WEBSOCKET_KEY)) {
      refuse(
          context,
          HttpResponseStatus.BAD_REQUEST,
          "none of the protocols " + clients + " is known; use v5.channel.k8s.io");
      return;
    }
    Channel channel = context.channel();
    channel.pipeline().remove(ReadTimeoutHandler.class);
    WebSocketServerHandshaker13 handshaker =
        new WebSocketServerHandshaker13(
            "", clients.isEmpty() ? null : chosen.get().name(), false, LARGEST_MESSAGE);
    channel.pipeline().remove(this);
    handshaker
        .handshake(channel, http)
        .addListener(
            done -> {
              if (done.isSuccess()) {
                becomeWebSocket(channel, request, chosen.get(), ports);
              } else {
                LOG.debug("a WebSocket handshake failed: {}", String.valueOf(done.cause()));
                channel.close();
              }
            });
  }

  private void becomeWebSocket(
      Channel channel, StreamRequest request, Protocol protocol, List<Integer> ports) {
    Connection connection =
        new Connection(channel, new WebSocketFraming(protocol.base64()), SLOWEST_WRITE);
    Map<Integer, ClientStream> streams = new HashMap<>();
    WebSocketHandler handler = new WebSocketHandler(connection, protocol, streams);
    channel.pipeline().addLast(idle(), new WebSocketFrameAggregator(LARGEST_MESSAGE), handler);
    if (request instanceof StreamRequest.PortForward forward) {
      startPorts(connection, forward.sandboxId(), ports, streams);
      return;
    }
    Map<Kind, ClientStream> kinds = new EnumMap<>(Kind.class);
    for (Kind kind : CommandStreams.wanted(request, protocol)) {
      ClientStream stream = ClientStream.of(kind.channel(), connection);
      streams.put(kind.channel(), stream);
      kinds.put(kind, stream);
    }
    // An empty message tells the client that it is served before there is any output.
    Kind lowest = kinds.keySet().stream().filter(Kind::isForClient).findFirst().orElseThrow();
    channel.writeAndFlush(
        new WebSocketFraming(protocol.base64()).data(lowest.channel(), new byte[0], 0, 0));
    new CommandSession(targets, request, kinds, connection, protocol.hasStatus()).start();
  }

  /** Two channels a port, data and error, each beginning with the port in two bytes. */
  private void startPorts(
      Connection connection,
      String sandboxId,
      List<Integer> ports,
      Map<Integer, ClientStream> streams) {
    int[] running = {ports.size()};
    for (int i = 0; i < ports.size(); i++) {
      ClientStream data = ClientStream.of(2 * i, connection);
      ClientStream error = ClientStream.of(2 * i + 1, connection);
      streams.put(data.id(), data);
      streams.put(error.id(), error);
      int port = ports.get(i);
      Thread.startVirtualThread(
          () -> {
            byte[] greeting = {(byte) port, (byte) (port >> 8)};
            try {
              data.output().write(greeting);
              error.output().write(greeting);
            } catch (IOException e) {
              LOG.debug("a client is gone before its ports were forwarded");
              return;
            }
            new PortPump(targets, sandboxId, port, data, error)
                .start(
                    () -> {
                      synchronized (running) {
                        if (--running[0] == 0) {
                          connection.close();
                        }
                      }
                    });
          });
    }
    if (ports.isEmpty()) {
      connection.close();
    }
  }

  /** Those of the request; a WebSocket client may also name them in the query. */
  private static List<Integer> ports(QueryStringDecoder uri, StreamRequest request) {
    List<String> asked = uri.parameters().getOrDefault("port", List.of());
    if (request instanceof StreamRequest.PortForward forward) {
      List<Integer> ports = new ArrayList<>(forward.ports());
      asked.stream()
          .flatMap(text -> Stream.of(text.split(",")))
          .map(PortStreams::port)
          .filter(port -> port != 0 && !ports.contains(port))
          .limit(100)
          .forEach(ports::add);
      return ports;
    }
    return List.of();
  }

  private static List<String> words(List<String> headers) {
    return headers.stream()
        .flatMap(header -> Stream.of(header.split(",")))
        .map(String::strip)
        .filter(word -> !word.isEmpty())
        .toList();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    LOG.debug("a request for streams failed: {}", cause.toString());
    context.close();
  }
}
