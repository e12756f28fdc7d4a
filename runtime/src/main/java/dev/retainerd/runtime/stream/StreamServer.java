package dev.retainerd.runtime.stream;

import dev.retainerd.runtime.error.Refusal;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.timeout.ReadTimeoutHandler;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.Closeable;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;

/**
 * Serves exec, attach and port-forward to clients that were given an address by {@link #address}.
 *
 * <p>Thread-safe. An address works once, within a minute; at most a thousand wait. Closing ends all
 * connections.
 */
public final class StreamServer implements Closeable {
  private static final int LARGEST_REQUEST = 16 << 10;
  private static final WriteBufferWaterMark SLOW_CLIENT =
      new WriteBufferWaterMark(64 << 10, 256 << 10);
  private static final int STOP_SECONDS = 5;

  private final Tickets tickets = new Tickets(System::nanoTime);
  private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
  private final EventLoopGroup loops;
  private final Channel listener;
  private final boolean tls;

  private StreamServer(StreamTargets targets, StreamServerOptions options) {
    this.tls = options.tls().isPresent();
    Optional<SslContext> ssl = options.tls().map(StreamServer::ssl);
    this.loops = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(loops)
            .channel(EpollServerSocketChannel.class)
            .option(ChannelOption.SO_REUSEADDR, true)
            .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, SLOW_CLIENT)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    connections.add(channel);
                    ssl.ifPresent(s -> channel.pipeline().addLast(s.newHandler(channel.alloc())));
                    channel
                        .pipeline()
                        .addLast(
                            new ReadTimeoutHandler(
                                options.creationTimeout().toMillis(), TimeUnit.MILLISECONDS),
                            new HttpServerCodec(),
                            new HttpObjectAggregator(LARGEST_REQUEST),
                            new UpgradeHandler(tickets, targets, options));
                  }
                });
    InetSocketAddress address = new InetSocketAddress(options.address(), options.port());
    this.listener = bind(bootstrap, address);
  }

  private Channel bind(ServerBootstrap bootstrap, InetSocketAddress address) {
    var bound = bootstrap.bind(address).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      loops.shutdownGracefully(0, STOP_SECONDS, TimeUnit.SECONDS);
      throw Refusal.failedPrecondition(
              "the stream server cannot listen on "
                  + address
                  + "; set stream_server_address and"
                  + " stream_server_port to a free address of this node")
          .because(bound.cause());
    }
    return bound.channel();
  }

  private static SslContext ssl(StreamServerOptions.Tls files) {
    try {
      return SslContextBuilder.forServer(files.certificate().toFile(), files.key().toFile())
          .build();
    } catch (SSLException | IllegalArgumentException e) {
      throw Refusal.failedPrecondition(
              "certificate "
                  + files.certificate()
                  + " and key "
                  + files.key()
                  + " of the stream server cannot be used; give a PEM chain and its PKCS#8 key")
          .because(e);
    }
  }

  /**
   * Starts to listen.
   *
   * @throws Refusal FAILED_PRECONDITION if the address cannot be had or the TLS files not be used
   */
  public static StreamServer start(StreamTargets targets, StreamServerOptions options) {
    return new StreamServer(targets, options);
  }

  /**
   * An address at which this request will be served, once.
   *
   * @throws Refusal INVALID_ARGUMENT if the request has no stream at all, or a terminal together
   *     with standard error; RESOURCE_EXHAUSTED if too many addresses wait
   */
  public URI address(StreamRequest request) {
    switch (request) {
      case StreamRequest.Exec exec -> {
        requireStreams(exec.streams());
        if (exec.command().isEmpty()) {
          throw Refusal.invalidArgument(
              "exec in container " + exec.containerId() + " has no command; give one");
        }
      }
      case StreamRequest.Attach attach -> requireStreams(attach.streams());
      case StreamRequest.PortForward forward -> {
        for (int port : forward.ports()) {
          if (port <= 0 || port > 65535) {
            throw Refusal.invalidArgument("port " + port + " is none; give 1 to 65535");
          }
        }
      }
    }
    InetSocketAddress local = (InetSocketAddress) listener.localAddress();
    // Whoever asked over our unix socket is on this node.
    String host =
        local.getAddress().isAnyLocalAddress()
            ? (local.getAddress() instanceof Inet6Address ? "::1" : "127.0.0.1")
            : local.getAddress().getHostAddress();
    return URI.create(
        (tls ? "https://" : "http://")
            + (host.indexOf(':') >= 0 ? "[" + host + "]" : host)
            + ":"
            + local.getPort()
            + "/"
            + request.verb()
            + "/"
            + tickets.issue(request));
  }

  private static void requireStreams(StreamRequest.Streams streams) {
    if (!streams.stdin() && !streams.stdout() && !streams.stderr()) {
      throw Refusal.invalidArgument("one of stdin, stdout and stderr must be asked for");
    }
    if (streams.tty() && streams.stderr()) {
      throw Refusal.invalidArgument("a terminal has no stderr of its own; leave stderr out");
    }
  }

  /** Connections that are open now. */
  public int connections() {
    return connections.size();
  }

  @Override
  public void close() {
    listener.close().awaitUninterruptibly(STOP_SECONDS, TimeUnit.SECONDS);
    connections.close().awaitUninterruptibly(STOP_SECONDS, TimeUnit.SECONDS);
    loops
        .shutdownGracefully(0, STOP_SECONDS, TimeUnit.SECONDS)
        .awaitUninterruptibly(STOP_SECONDS, TimeUnit.SECONDS);
  }
}
