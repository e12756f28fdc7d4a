package dev.retainerd.runtime.scenario;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.FieldMask;
import dev.retainerd.runtime.grpc.UnixChannels;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.ContainersGrpc;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.UpdateContainerRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Clients that make event after event, each in a thread of its own, by changing the label of a
 * container record; undeterred while the daemon is gone.
 */
final class Churn implements AutoCloseable {
  private static final int CALL_SECONDS = 20;

  private final Node node;
  private final int labelBytes;
  private final Semaphore allowance;
  private final List<Thread> threads = new ArrayList<>();
  private final AtomicInteger answered = new AtomicInteger();
  private final AtomicLong slowestNanos = new AtomicLong();
  private volatile boolean ended;

  private Churn(Node node, int labelBytes, int allowed) {
    this.node = node;
    this.allowance = new Semaphore(allowed);
    this.labelBytes = labelBytes;
  }

  /** Starts so many clients, whose events hold a label of that size, and who never rest. */
  static Churn start(Node node, int clients, int labelBytes) {
    return start(node, clients, labelBytes, Integer.MAX_VALUE);
  }

  /** The same, but all together they try no more changes than allowed so far. */
  static Churn start(Node node, int clients, int labelBytes, int allowed) {
    Churn churn = new Churn(node, labelBytes, allowed);
    for (int i = 0; i < clients; i++) {
      String id = "churn-" + i;
      create(node, id);
      churn.threads.add(Thread.ofPlatform().name(id).start(() -> churn.run(id)));
    }
    return churn;
  }

  /** A container record that no task belongs to. */
  static void create(Node node, String id) {
    node.containers(node.name())
        .create(
            CreateContainerRequest.newBuilder()
                .setContainer(
                    Container.newBuilder()
                        .setId(id)
                        .setRuntime(Container.Runtime.newBuilder().setName("io.containerd.runc.v2"))
                        .setSpec(
                            Any.newBuilder()
                                .setTypeUrl(
                                    "types.containerd.io/opencontainers/runtime-spec/1/Spec")
                                .setValue(ByteString.copyFromUtf8("{}"))))
                .build());
  }

  /** Allows so many changes more. */
  void allow(int more) {
    allowance.release(more);
  }

  private void run(String id) {
    int round = 0;
    while (!ended) {
      try (UnixChannels channels = UnixChannels.open(node.socket())) {
        while (!ended) {
          if (!allowance.tryAcquire(20, TimeUnit.MILLISECONDS)) {
            continue;
          }
          long begun = System.nanoTime();
          ContainersGrpc.newBlockingStub(channels.inNamespace(node.name()))
              .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
              .update(
                  UpdateContainerRequest.newBuilder()
                      .setContainer(
                          Container.newBuilder()
                              .setId(id)
                              .putLabels("round", round++ + "x".repeat(labelBytes)))
                      .setUpdateMask(FieldMask.newBuilder().addPaths("labels.round"))
                      .build());
          long took = System.nanoTime() - begun;
          slowestNanos.accumulateAndGet(took, Math::max);
          answered.incrementAndGet();
        }
      } catch (StatusRuntimeException e) {
        if (e.getStatus().getCode() != Status.Code.UNAVAILABLE) {
          throw e;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /** How many changes were answered. */
  int answered() {
    return answered.get();
  }

  long slowestMillis() {
    return slowestNanos.get() / 1_000_000;
  }

  @Override
  public void close() {
    ended = true;
    for (Thread thread : threads) {
      try {
        thread.join(1_000L * CALL_SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
