package dev.retainerd.runtime.grpc;

import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.netty.InternalNettyServerCredentials;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The daemon's gRPC server on one unix socket. Handlers run on virtual threads, so they may block,
 * but for the few of {@link HandlerExecutors}; two event loops move the bytes. A method that no
 * service overrides answers UNIMPLEMENTED with its full name, and so does a service that nobody
 * handed in.
 */
public final class GrpcServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(GrpcServer.class);

  /**
   * Calls under way on one connection; a client beyond it waits. A watcher counts as one for as
   * long as it watches.
   */
  private static final int MAX_CALLS_PER_CONNECTION = 4096;

  private static final Duration STOP_GRACE = Duration.ofSeconds(5);

  /**
   * How to serve.
   *
   * @param socket path of the socket file
   * @param uid owner of the socket file
   * @param gid group of the socket file; the group may use the socket unless it is 0
   * @param maxMessageBytes largest message that is accepted
   */
  public record Options(Path socket, int uid, int gid, int maxMessageBytes) {
    /** As containerd's default. */
    public static final int DEFAULT_MAX_MESSAGE_BYTES = 16 << 20;

    /** For root only, with the default bound on messages. */
    public static Options forRoot(Path socket) {
      return new Options(socket, 0, 0, DEFAULT_MAX_MESSAGE_BYTES);
    }
  }

  private final SocketFile file;
  private final EventLoopGroup loops;
  private final ExecutorService handlers;
  private final Server server;
  private final CallsUnderWay underWay;

  private GrpcServer(
      SocketFile file,
      EventLoopGroup loops,
      ExecutorService handlers,
      Server server,
      CallsUnderWay underWay) {
    this.file = file;
    this.underWay = underWay;
    this.loops = loops;
    this.handlers = handlers;
    this.server = server;
  }

  /**
   * Listens; when this returns, clients can connect.
   *
   * @throws dev.retainerd.runtime.error.Refusal if the socket's path is in use or cannot be one
   * @throws IOException if binding fails
   */
  public static GrpcServer start(Options options, List<? extends BindableService> services)
      throws IOException {
    var file = new SocketFile(options.socket());
    file.claim();
    var loops =
        new MultiThreadIoEventLoopGroup(
            2, new DefaultThreadFactory("grpc-io", true), EpollIoHandler.newFactory());
    var handlers =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("call-", 0).factory());
    var underWay = new CallsUnderWay();
    try {
      Server server = build(options, file, loops, handlers, underWay, services).start();
      file.publish(options.uid(), options.gid());
      return new GrpcServer(file, loops, handlers, server, underWay);
    } catch (IOException | RuntimeException e) {
      loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
      handlers.close();
      throw e;
    }
  }

  private static Server build(
      Options options,
      SocketFile file,
      EventLoopGroup loops,
      ExecutorService handlers,
      CallsUnderWay underWay,
      List<? extends BindableService> services) {
    var executors = new HandlerExecutors(handlers);
    var builder =
        NettyServerBuilder.forAddress(
                new DomainSocketAddress(file.unpublished().toFile()),
                InternalNettyServerCredentials.create(new PeerCredentialsNegotiator()))
            .channelType(EpollServerDomainSocketChannel.class)
            .bossEventLoopGroup(loops)
            .workerEventLoopGroup(loops)
            // gRPC sets it on every connection; a unix socket has none, and netty would warn each
            // time.
            .withChildOption(ChannelOption.SO_KEEPALIVE, null)
            .executor(Runnable::run)
            .callExecutor(executors)
            .maxInboundMessageSize(options.maxMessageBytes())
            .maxConcurrentCallsPerConnection(MAX_CALLS_PER_CONNECTION)
            // Go's clients ping as often as they are told to; on a local socket that costs nothing.
            .permitKeepAliveTime(1, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true);
    var context = new CallContextInterceptor();
    var refusal = new RefusalInterceptor();
    for (BindableService service : services) {
      builder.addService(
          ServerInterceptors.interceptForward(service, executors, underWay, context, refusal));
    }
    // containerd's clients ask it whether the daemon serves.
    builder.addService(new HealthStatusManager().getHealthService());
    return builder.build();
  }

  public Path socket() {
    return file.path();
  }

  /**
   * Takes no new calls, gives those under way a few seconds, then cancels them; streams and waits
   * are cancelled at once. Idempotent.
   */
  @Override
  public void close() {
    try {
      file.remove();
    } catch (IOException e) {
      log.warn("cannot remove the socket {}; the next start replaces it", file.path(), e);
    }
    server.shutdown();
    try {
      if (!underWay.awaitNone(STOP_GRACE)) {
        log.warn("calls under way are cancelled after {} s", STOP_GRACE.toSeconds());
      }
      server.shutdownNow().awaitTermination(STOP_GRACE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    handlers.shutdownNow();
  }
}
