package dev.retainerd.runtime.grpc;

import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * A client's connection to a daemon on a unix socket: ours, or any other that speaks gRPC there.
 * Thread-safe. Close it; its event loop is its own.
 */
public final class UnixChannels implements AutoCloseable {
  private final EventLoopGroup loop;
  private final ManagedChannel channel;

  private UnixChannels(EventLoopGroup loop, ManagedChannel channel) {
    this.loop = loop;
    this.channel = channel;
  }

  /** Connects on the first call; a socket that nobody serves shows as UNAVAILABLE there. */
  public static UnixChannels open(Path socket) {
    var loop =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("grpc-client-io", true), EpollIoHandler.newFactory());
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toFile()))
            .channelType(EpollDomainSocketChannel.class)
            .eventLoopGroup(loop)
            .withOption(ChannelOption.SO_KEEPALIVE, null)
            .usePlaintext()
            // Go's servers refuse an authority that is no host name, and a path is none.
            .overrideAuthority("localhost")
            .maxInboundMessageSize(GrpcServer.Options.DEFAULT_MAX_MESSAGE_BYTES)
            .build();
    return new UnixChannels(loop, channel);
  }

  public Channel channel() {
    return channel;
  }

  /** The same connection, with calls made in this namespace of containerd. */
  public Channel inNamespace(String namespace) {
    var headers = new Metadata();
    headers.put(CallContext.NAMESPACE_HEADER, namespace);
    return ClientInterceptors.intercept(
        channel, MetadataUtils.newAttachHeadersInterceptor(headers));
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
}
