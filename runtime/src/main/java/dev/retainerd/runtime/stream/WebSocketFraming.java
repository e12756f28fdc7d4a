package dev.retainerd.runtime.stream;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;
import java.util.Arrays;
import java.util.Base64;

/** Streams as WebSocket messages whose first byte, or digit, is the channel. */
record WebSocketFraming(boolean base64) implements Connection.Framing {

  @Override
  public Object data(int stream, byte[] bytes, int offset, int length) {
    if (base64) {
      byte[] piece = Arrays.copyOfRange(bytes, offset, offset + length);
      return new TextWebSocketFrame(
          (char) ('0' + stream) + Base64.getEncoder().encodeToString(piece));
    }
    ByteBuf message = Unpooled.buffer(length + 1).writeByte(stream);
    return new BinaryWebSocketFrame(message.writeBytes(bytes, offset, length));
  }

  /** There is no frame for it: the close of the connection ends all. */
  @Override
  public Object end(int stream) {
    return Unpooled.EMPTY_BUFFER;
  }

  @Override
  public Object farewell() {
    return new CloseWebSocketFrame(WebSocketCloseStatus.NORMAL_CLOSURE);
  }
}
