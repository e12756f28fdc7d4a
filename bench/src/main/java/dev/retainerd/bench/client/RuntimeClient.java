package dev.retainerd.bench.client;

import com.google.protobuf.Empty;
import dev.retainerd.wire.containerd.services.containers.v1.ContainersGrpc;
import dev.retainerd.wire.containerd.services.events.v1.EventsGrpc;
import dev.retainerd.wire.containerd.services.tasks.v1.TasksGrpc;
import dev.retainerd.wire.containerd.services.version.v1.VersionGrpc;
import dev.retainerd.wire.cri.v1.ImageServiceGrpc;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.RuntimeServiceGrpc;
import dev.retainerd.wire.cri.v1.VersionRequest;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * The stubs of one runtime's socket: CRI and containerd's API. Every stub has a deadline of {@value
 * #DEADLINE_SECONDS} s from the moment it is asked for. Safe for use by many threads.
 */
public final class RuntimeClient implements AutoCloseable {
  /** Longer than any call that is measured may take. */
  public static final int DEADLINE_SECONDS = 120;

  private static final Metadata.Key<String> NAMESPACE =
      Metadata.Key.of("containerd-namespace", Metadata.ASCII_STRING_MARSHALLER);

  private final ManagedChannel channel;
  private final Channel namespaced;

  /** Connects to {@code socket}; containerd's calls go to {@code namespace}. */
  public RuntimeClient(Path socket, String namespace) {
    channel = UnixChannel.open(socket);
    Metadata headers = new Metadata();
    headers.put(NAMESPACE, namespace);
    namespaced =
        ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  /** CRI's runtime service. */
  public RuntimeServiceGrpc.RuntimeServiceBlockingStub cri() {
    return RuntimeServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  /** CRI's image service. */
  public ImageServiceGrpc.ImageServiceBlockingStub criImages() {
    return ImageServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  /** containerd's containers. */
  public ContainersGrpc.ContainersBlockingStub containers() {
    return ContainersGrpc.newBlockingStub(namespaced)
        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  /** containerd's tasks. */
  public TasksGrpc.TasksBlockingStub tasks() {
    return TasksGrpc.newBlockingStub(namespaced)
        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  /** containerd's tasks, for waits that run beside other calls. */
  public TasksGrpc.TasksFutureStub tasksLater() {
    return TasksGrpc.newFutureStub(namespaced)
        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  /** containerd's events; a subscription has no deadline. */
  public EventsGrpc.EventsStub events() {
    return EventsGrpc.newStub(namespaced);
  }

  /** containerd's version, the shortest of calls. */
  public VersionGrpc.VersionBlockingStub version() {
    return VersionGrpc.newBlockingStub(channel)
        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  /**
   * Lets the next call connect at once where an attempt has failed before: gRPC else waits longer
   * from one to the next, seconds at last, and what is measured would be that.
   */
  public void connectAnew() {
    channel.resetConnectBackoff();
  }

  /** The channel itself, for calls that are named at run time. */
  public Channel channel() {
    return channel;
  }

  /**
   * Whether both APIs answer within {@code timeoutMillis}: containerd's a version, CRI's a list.
   */
  public boolean isReady(long timeoutMillis) {
    try {
      VersionGrpc.newBlockingStub(channel)
          .withDeadlineAfter(timeoutMillis, TimeUnit.MILLISECONDS)
          .version(Empty.getDefaultInstance());
      RuntimeServiceGrpc.newBlockingStub(channel)
          .withDeadlineAfter(timeoutMillis, TimeUnit.MILLISECONDS)
          .listPodSandbox(ListPodSandboxRequest.getDefaultInstance());
      return true;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  /** Whether CRI answers within {@code timeoutMillis}; CRI-O has no other API. */
  public boolean answersCri(long timeoutMillis) {
    try {
      RuntimeServiceGrpc.newBlockingStub(channel)
          .withDeadlineAfter(timeoutMillis, TimeUnit.MILLISECONDS)
          .version(VersionRequest.getDefaultInstance());
      return true;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
