package dev.retainerd.runtime.shims.api;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.shims.Shims;
import dev.retainerd.store.proto.ShimEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.StateView;
import dev.retainerd.wire.shims.v1.ListShimsRequest;
import dev.retainerd.wire.shims.v1.ListShimsResponse;
import dev.retainerd.wire.shims.v1.Shim;
import dev.retainerd.wire.shims.v1.ShimsGrpc;
import dev.retainerd.wire.shims.v1.UpgradeOutcome;
import dev.retainerd.wire.shims.v1.UpgradeShimsRequest;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** {@code dev.retainerd.shims.v1.Shims}: shims as the operator sees them. Thread-safe. */
public final class ShimsApi extends ShimsGrpc.ShimsImplBase {
  private final Shims shims;
  private final StateView state;

  /** An API over {@code shims}; the rest is read from the state. */
  public ShimsApi(Shims shims, StateView state) {
    this.shims = shims;
    this.state = state;
  }

  @Override
  public void list(ListShimsRequest request, StreamObserver<ListShimsResponse> responses) {
    Map<String, Integer> tasks = new HashMap<>();
    state.forEach(Kind.TASK, (key, task) -> tasks.merge(task.getShimId(), 1, Integer::sum));
    ListShimsResponse.Builder answer =
        ListShimsResponse.newBuilder().setInstalledVersion(shims.installedVersion());
    for (ShimEntry shim : shims.all()) {
      answer.addShims(
          Shim.newBuilder()
              .setId(shim.getId())
              .setPid(shim.getProcess().getPid())
              .setVersion(shim.getVersion())
              .setState(word(shim))
              .addAllOwners(shim.getOwnersList())
              .setTasks(tasks.getOrDefault(shim.getId(), 0))
              .setMemoryBytes(memoryBytes(shim.getProcess().getPid()))
              .setReason(shim.getReason()));
    }
    responses.onNext(answer.build());
    responses.onCompleted();
  }

  private static String word(ShimEntry shim) {
    return switch (shim.getPhase()) {
      case SHIM_PHASE_STARTING -> "starting";
      case SHIM_PHASE_RUNNING -> shim.getOwnersCount() == 0 ? "spare" : "running";
      case SHIM_PHASE_UNREACHABLE -> "unreachable";
      case SHIM_PHASE_LOST -> "lost";
      case SHIM_PHASE_UNSPECIFIED, UNRECOGNIZED -> "unknown";
    };
  }

  private static long memoryBytes(int pid) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/smaps_rollup"))) {
        if (line.startsWith("Pss:")) {
          return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
        }
      }
    } catch (IOException gone) {
      return 0;
    }
    return 0;
  }

  @Override
  public void upgrade(UpgradeShimsRequest request, StreamObserver<UpgradeOutcome> responses) {
    for (String id : wanted(request)) {
      UpgradeOutcome.Builder outcome = UpgradeOutcome.newBuilder().setId(id);
      try {
        outcome.setSuccessor(shims.upgrade(id));
      } catch (Refusal e) {
        outcome.setRefusal(e.sentence());
      }
      responses.onNext(outcome.build());
    }
    responses.onCompleted();
  }

  private List<String> wanted(UpgradeShimsRequest request) {
    if (request.getIdsCount() > 0) {
      return request.getIdsList();
    }
    String installed = shims.installedVersion();
    return shims.all().stream()
        .filter(shim -> request.getAll() || !shim.getVersion().equals(installed))
        .map(ShimEntry::getId)
        .toList();
  }
}
