package dev.retainerd.bench.client;

import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.OptionalLong;

/** gRPC channels over unix sockets; all of them share one event loop, whose thread is a daemon. */
public final class UnixChannel {
  private static final EventLoopGroup LOOP =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("bench-io", true), EpollIoHandler.newFactory());

  private static final int MESSAGE_BYTES_MAX = 64 << 20;

  private static final long PATIENCE_MILLIS = 10_000;

  private UnixChannel() {}

  /**
   * The process that listens at {@code path}, as the kernel tells whoever connects; the file's name
   * need not be the one it was bound to. Empty where nobody listens, or nobody of this pid
   * namespace.
   */
  public static OptionalLong listener(Path path) {
    Bootstrap bootstrap =
        new Bootstrap()
            .group(LOOP)
            .channel(EpollDomainSocketChannel.class)
            .handler(new ChannelInboundHandlerAdapter());
    ChannelFuture connected = bootstrap.connect(new DomainSocketAddress(path.toString()));
    if (!connected.awaitUninterruptibly(PATIENCE_MILLIS) || !connected.isSuccess()) {
      return OptionalLong.empty();
    }
    try {
      int pid = ((EpollDomainSocketChannel) connected.channel()).peerCredentials().pid();
      return pid > 0 ? OptionalLong.of(pid) : OptionalLong.empty();
    } catch (IOException e) {
      return OptionalLong.empty();
    } finally {
      connected.channel().close();
    }
  }

  /**
   * Whether somebody listens at {@code path}, where a killed daemon leaves its file. Next to
   * nothing beside a gRPC channel that is refused, which would weigh on the start that is awaited.
   */
  public static boolean listens(Path path) {
    try (SocketChannel probe = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      return probe.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

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
