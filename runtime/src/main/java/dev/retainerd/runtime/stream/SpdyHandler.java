package dev.retainerd.runtime.stream;

import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.spdy.DefaultSpdyPingFrame;
import io.netty.handler.codec.spdy.DefaultSpdyRstStreamFrame;
import io.netty.handler.codec.spdy.DefaultSpdySynReplyFrame;
import io.netty.handler.codec.spdy.SpdyDataFrame;
import io.netty.handler.codec.spdy.SpdyFrame;
import io.netty.handler.codec.spdy.SpdyGoAwayFrame;
import io.netty.handler.codec.spdy.SpdyHeaders;
import io.netty.handler.codec.spdy.SpdyPingFrame;
import io.netty.handler.codec.spdy.SpdyRstStreamFrame;
import io.netty.handler.codec.spdy.SpdyStreamStatus;
import io.netty.handler.codec.spdy.SpdySynStreamFrame;
import io.netty.handler.timeout.IdleStateEvent;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The streams of one SPDY/3.1 connection. For the event loop's thread only.
 *
 * <p>netty's own session handler is left out on purpose: it waits for window updates, which the
 * clients of Kubernetes never send; flow control here is that of the socket.
 */
final class SpdyHandler extends SimpleChannelInboundHandler<SpdyFrame> {
  private static final Logger LOG = LoggerFactory.getLogger(SpdyHandler.class);
  private static final int MOST_STREAMS = 1024;

  private final Connection connection;
  private final Opened opened;
  private final long creationTimeoutMillis;
  private final Map<Integer, ClientStream> streams = new HashMap<>();

  SpdyHandler(Connection connection, Opened opened, long creationTimeoutMillis) {
    this.connection = connection;
    this.opened = opened;
    this.creationTimeoutMillis = creationTimeoutMillis;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    context
        .executor()
        .schedule(
            () -> {
              if (!opened.complete()) {
                LOG.debug("a client did not open its streams in time");
                context.close();
              }
            },
            creationTimeoutMillis,
            TimeUnit.MILLISECONDS);
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, SpdyFrame frame) {
    switch (frame) {
      case SpdyDataFrame data -> data(data);
      case SpdySynStreamFrame open -> open(context, open);
      case SpdyRstStreamFrame reset -> drop(reset.streamId());
      case SpdyPingFrame ping when ping.id() % 2 != 0 ->
          context.writeAndFlush(new DefaultSpdyPingFrame(ping.id()));
      case SpdyGoAwayFrame away -> LOG.trace("a client says goodbye: {}", away);
      // Settings, window updates and later headers ask for nothing.
      default -> LOG.trace("a frame without meaning here: {}", frame);
    }
  }

  private void data(SpdyDataFrame frame) {
    ClientStream stream = streams.get(frame.streamId());
    if (stream == null) {
      return;
    }
    stream.input().put(ByteBufUtil.getBytes(frame.content()));
    if (frame.isLast()) {
      stream.input().end();
    }
  }

  private void open(ChannelHandlerContext context, SpdySynStreamFrame frame) {
    int id = frame.streamId();
    if (frame.isInvalid() || streams.containsKey(id) || streams.size() >= MOST_STREAMS) {
      refuse(context, id);
      return;
    }
    ClientStream stream = ClientStream.of(id, connection);
    streams.put(id, stream);
    if (frame.isLast()) {
      stream.input().end();
    }
    // The reply must come before any data on the stream, so before anyone learns of it. Without a
    // header netty would leave the header block out altogether, and kubectl waits for one.
    DefaultSpdySynReplyFrame reply = new DefaultSpdySynReplyFrame(id);
    reply.headers().set(SpdyHeaders.HttpNames.STATUS, "200 OK");
    context.writeAndFlush(reply);
    if (!opened.opened(stream, frame.headers())) {
      streams.remove(id);
      refuse(context, id);
    }
  }

  private static void refuse(ChannelHandlerContext context, int id) {
    context.writeAndFlush(new DefaultSpdyRstStreamFrame(id, SpdyStreamStatus.REFUSED_STREAM));
  }

  /** A stream that both sides are done with, or that the client reset. */
  void drop(int id) {
    ClientStream stream = streams.remove(id);
    if (stream != null) {
      stream.drop();
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    connection.stateChanged();
    streams.values().forEach(ClientStream::drop);
    streams.clear();
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    connection.stateChanged();
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof IdleStateEvent) {
      LOG.debug("a stream connection without traffic is closed");
      context.close();
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    LOG.debug("a SPDY connection failed: {}", cause.toString());
    context.close();
  }
}
