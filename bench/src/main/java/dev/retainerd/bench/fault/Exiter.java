package dev.retainerd.bench.fault;

import dev.retainerd.bench.scenario.Pods;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ContainerStatus;
import dev.retainerd.wire.cri.v1.ContainerStatusRequest;
import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.Optional;

/** A container that exits by itself while the fault lasts, with a code that nobody can guess. */
final class Exiter {
  private static final int CODE_BASE = 41;
  private static final long WAIT_MILLIS_MAX = 20_000;

  private final Pods pods;
  private final int code;
  private final String container;

  private Exiter(Pods pods, int code, String container) {
    this.pods = pods;
    this.code = code;
    this.container = container;
  }

  /** Number {@code i} exits {@code i} + 1 seconds from now, in {@code pod}. */
  static Exiter start(Pods pods, String pod, int podNumber, int i) {
    int code = CODE_BASE + i;
    String script = "busybox sleep " + (i + 1) + "; exit " + code;
    String container = pods.create(pod, podNumber, "exiter-" + i, List.of("/bin/sh", "-c", script));
    pods.start(container);
    return new Exiter(pods, code, container);
  }

  /** What is wrong with what the runtime says of it; empty when its code is the right one. */
  Optional<String> audit() throws InterruptedException {
    for (long waited = 0; ; waited += 50) {
      try {
        ContainerStatus status =
            pods.client()
                .cri()
                .containerStatus(
                    ContainerStatusRequest.newBuilder().setContainerId(container).build())
                .getStatus();
        if (status.getState() == ContainerState.CONTAINER_EXITED) {
          return status.getExitCode() == code
              ? Optional.empty()
              : Optional.of("an exit code " + code + " is reported as " + status.getExitCode());
        }
      } catch (StatusRuntimeException e) {
        return Optional.of("a container that exited is not known: " + e.getMessage());
      }
      if (waited > WAIT_MILLIS_MAX) {
        return Optional.of("a container that exited with " + code + " is said to run");
      }
      Thread.sleep(50);
    }
  }
}
