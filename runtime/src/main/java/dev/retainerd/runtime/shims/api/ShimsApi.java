package dev.retainerd.runtime.shims.api;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.shims.LogSetting;
import dev.retainerd.runtime.shims.Shims;
import dev.retainerd.store.proto.ShimEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.StateView;
import dev.retainerd.wire.shims.v1.ListShimsRequest;
import dev.retainerd.wire.shims.v1.ListShimsResponse;
import dev.retainerd.wire.shims.v1.SetLogRequest;
import dev.retainerd.wire.shims.v1.SetLogResponse;
import dev.retainerd.wire.shims.v1.Shim;
import dev.retainerd.wire.shims.v1.ShimsGrpc;
import dev.retainerd.wire.shims.v1.UpgradeOutcome;
import dev.retainerd.wire.shims.v1.UpgradeShimsRequest;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
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

  @Override
  public void setLog(SetLogRequest request, StreamObserver<SetLogResponse> responses) {
    String namespace = request.getNamespace();
    String id = request.getContainerId();
    Map<LogSetting, Long> changes = new EnumMap<>(LogSetting.class);
    if (request.hasMaxLineBytes()) {
      changes.put(LogSetting.MAX_LINE_BYTES, request.getMaxLineBytes());
    }
    if (request.hasBytesPerSecond()) {
      changes.put(LogSetting.BYTES_PER_SECOND, request.getBytesPerSecond());
    }
    if (request.hasMaxFileBytes()) {
      changes.put(LogSetting.MAX_FILE_BYTES, request.getMaxFileBytes());
    }
    if (request.hasMaxFiles()) {
      changes.put(LogSetting.MAX_FILES, request.getMaxFiles());
    }
    changes.forEach(ShimsApi::checkPositive);
    Map<LogSetting, Long> now =
        shims.callsOf(() -> shimOf(namespace, id)).setLog(namespace, id, changes);
    responses.onNext(
        SetLogResponse.newBuilder()
            .setMaxLineBytes(now.get(LogSetting.MAX_LINE_BYTES))
            .setBytesPerSecond(now.get(LogSetting.BYTES_PER_SECOND))
            .setMaxFileBytes(now.get(LogSetting.MAX_FILE_BYTES))
            .setMaxFiles(now.get(LogSetting.MAX_FILES))
            .build());
    responses.onCompleted();
  }

  private static void checkPositive(LogSetting setting, long value) {
    if (value < 0) {
      throw Refusal.invalidArgument(
          "the log setting "
              + setting.name().toLowerCase(Locale.ROOT)
              + " is a number from 0, not "
              + value);
    }
  }

  private String shimOf(String namespace, String id) {
    return state
        .get(Kind.TASK.key(namespace, id))
        .orElseThrow(
            () ->
                Refusal.notFound(
                    "container " + id + " in namespace " + namespace + " has no task, and no log"))
        .getShimId();
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
