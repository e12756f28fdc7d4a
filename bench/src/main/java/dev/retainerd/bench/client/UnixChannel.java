package dev.retainerd.bench.client;

import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.nio.file.Path;

/** gRPC channels over unix sockets; all of them share one event loop, whose thread is a daemon. */
public final class UnixChannel {
  private static final EventLoopGroup LOOP =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("bench-io", true), EpollIoHandler.newFactory());

  private static final int MESSAGE_BYTES_MAX = 64 << 20;

  private UnixChannel() {}

  /** A channel to the socket at {@code path}; it connects with the first call. */
  public static ManagedChannel open(Path path) {
    return NettyChannelBuilder.forAddress(new DomainSocketAddress(path.toString()))
        .channelType(EpollDomainSocketChannel.class)
        .eventLoopGroup(LOOP)
        .overrideAuthority("localhost")
        .maxInboundMessageSize(MESSAGE_BYTES_MAX)
        .usePlaintext()
        .build();
  }
}
