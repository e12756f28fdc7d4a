package dev.retainerd.runtime.grpc;

import io.grpc.Attributes;
import io.grpc.ChannelLogger;
import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.InternalProtocolNegotiationEvent;
import io.grpc.netty.InternalProtocolNegotiator;
import io.grpc.netty.InternalProtocolNegotiators;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.unix.PeerCredentials;
import io.netty.util.AsciiString;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Plain HTTP/2, but the kernel's word on who connected is put among the transport's attributes
 * first. gRPC has no public seam for it: a transport filter sees only addresses, and those of a
 * unix socket are empty.
 */
final class PeerCredentialsNegotiator implements InternalProtocolNegotiator.ProtocolNegotiator {
  static final Attributes.Key<Caller> CALLER = Attributes.Key.create("dev.retainerd.caller");

  private static final Logger log = LoggerFactory.getLogger(PeerCredentialsNegotiator.class);
  private static final AsciiString SCHEME = AsciiString.of("http");

  @Override
  public AsciiString scheme() {
    return SCHEME;
  }

  @Override
  public ChannelHandler newHandler(GrpcHttp2ConnectionHandler grpcHandler) {
    ChannelLogger logger = grpcHandler.getNegotiationLogger();
    ChannelHandler http2 = InternalProtocolNegotiators.grpcNegotiationHandler(grpcHandler);
    return InternalProtocolNegotiators.waitUntilActiveHandler(
        new CredentialsHandler(http2, logger), logger);
  }

  @Override
  public void close() {}

  private static Caller callerOf(ChannelHandlerContext context) {
    if (!(context.channel() instanceof EpollDomainSocketChannel channel)) {
      return Caller.UNKNOWN;
    }
    try {
      PeerCredentials credentials = channel.peerCredentials();
      int[] gids = credentials.gids();
      return Caller.of(credentials.pid(), credentials.uid(), gids.length == 0 ? -1 : gids[0]);
    } catch (IOException e) {
      log.warn(
          "the kernel did not tell who connected; calls of this connection have no known actor", e);
      return Caller.UNKNOWN;
    }
  }

  private static final class CredentialsHandler
      extends InternalProtocolNegotiators.ProtocolNegotiationHandler {
    CredentialsHandler(ChannelHandler next, ChannelLogger logger) {
      super(next, logger);
    }

    @Override
    protected void protocolNegotiationEventTriggered(ChannelHandlerContext context) {
      var event = getProtocolNegotiationEvent();
      Attributes attributes =
          InternalProtocolNegotiationEvent.getAttributes(event).toBuilder()
              .set(CALLER, callerOf(context))
              .build();
      replaceProtocolNegotiationEvent(
          InternalProtocolNegotiationEvent.withAttributes(event, attributes));
      fireProtocolNegotiationEvent(context);
    }
  }
}
