package dev.retainerd.runtime.stream;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PongWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.timeout.IdleStateEvent;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The channels of one WebSocket connection. For the event loop's thread only. */
final class WebSocketHandler extends SimpleChannelInboundHandler<WebSocketFrame> {
  private static final Logger LOG = LoggerFactory.getLogger(WebSocketHandler.class);
  private static final int CLOSE_CHANNEL = 255;

  private final Connection connection;
  private final Protocol protocol;
  private final Map<Integer, ClientStream> streams;

  WebSocketHandler(Connection connection, Protocol protocol, Map<Integer, ClientStream> streams) {
    this.connection = connection;
    this.protocol = protocol;
    this.streams = streams;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, WebSocketFrame frame) {
    switch (frame) {
      case BinaryWebSocketFrame binary -> message(binary.content());
      case TextWebSocketFrame text -> message(text.content());
      case PingWebSocketFrame ping ->
          context.writeAndFlush(new PongWebSocketFrame(ping.content().retain()));
      case CloseWebSocketFrame close ->
          context.writeAndFlush(close.retain()).addListener(ChannelFutureListener.CLOSE);
      default -> LOG.trace("a frame without meaning here: {}", frame);
    }
  }

  private void message(ByteBuf content) {
    byte[] message = ByteBufUtil.getBytes(content);
    if (message.length == 0) {
      return;
    }
    int number = message[0] & 0xff;
    byte[] bytes = Arrays.copyOfRange(message, 1, message.length);
    if (protocol.base64()) {
      number -= '0';
      try {
        bytes = Base64.getDecoder().decode(bytes);
      } catch (IllegalArgumentException e) {
        LOG.debug(
            "a client sent what is no base64: {}", new String(bytes, StandardCharsets.US_ASCII));
        return;
      }
    }
    if (protocol.hasClose() && number == CLOSE_CHANNEL) {
      if (bytes.length == 1 && streams.get(bytes[0] & 0xff) != null) {
        streams.get(bytes[0] & 0xff).input().end();
      }
      return;
    }
    ClientStream stream = streams.get(number);
    if (stream != null) {
      stream.input().put(bytes);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    connection.stateChanged();
    streams.values().forEach(ClientStream::drop);
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
    LOG.debug("a WebSocket connection failed: {}", cause.toString());
    context.close();
  }
}
