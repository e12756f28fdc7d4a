package dev.retainerd.runtime.stream;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.spdy.DefaultSpdyDataFrame;
import io.netty.handler.codec.spdy.DefaultSpdyGoAwayFrame;
import io.netty.handler.codec.spdy.SpdySessionStatus;

/** Streams as SPDY data frames; stream numbers are SPDY's. */
record SpdyFraming() implements Connection.Framing {

  @Override
  public Object data(int stream, byte[] bytes, int offset, int length) {
    return new DefaultSpdyDataFrame(stream, Unpooled.copiedBuffer(bytes, offset, length));
  }

  @Override
  public Object end(int stream) {
    return new DefaultSpdyDataFrame(stream, Unpooled.EMPTY_BUFFER).setLast(true);
  }

  @Override
  public Object farewell() {
    return new DefaultSpdyGoAwayFrame(0, SpdySessionStatus.OK);
  }
}
