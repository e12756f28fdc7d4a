package dev.retainerd.runtime.container;

import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.CriContainer;
import dev.retainerd.eventlog.proto.RunsAs;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Makes the record of a container from its configuration. Pure but for the clock and the ids it is
 * given.
 *
 * @param newId makes ids, 64 hexadecimal digits
 * @param runtimeOf the runtime's type for a pod's handler
 */
public record ContainerRecords(
    Supplier<String> newId, Clock clock, Function<String, String> runtimeOf) {

  ContainerRecord of(
      SandboxRecord sandbox,
      ContainerConfig config,
      ContainerImages.Resolved image,
      String snapshotter,
      boolean restored) {
    String id = newId.get();
    Instant now = clock.instant();
    long nanos = now.getEpochSecond() * 1_000_000_000L + now.getNano();
    return ContainerRecord.newBuilder()
        .setId(id)
        .putAllLabels(config.getLabelsMap())
        .putLabels("io.cri-containerd.kind", "container")
        .setImage(image.reference())
        .setRuntime(runtimeOf.apply(sandbox.getRuntimeHandler()))
        .setSnapshotter(snapshotter)
        .setSnapshotKey(id)
        .setSandboxId(sandbox.getId())
        .setCreatedAtNanos(nanos)
        .setUpdatedAtNanos(nanos)
        .setCri(
            CriContainer.newBuilder()
                .setName(config.getMetadata().getName())
                .setAttempt(config.getMetadata().getAttempt())
                .setSandboxId(sandbox.getId())
                .setConfig(config.toByteString())
                .setLogPath(logPath(sandbox, config))
                .setImageRef(restored ? image.reference() : config.getImage().getImage())
                .setRestored(restored)
                .setImageId(image.id())
                .setImageDigest(image.digest())
                .setStopSignal(stopSignal(config, image.config()))
                .setTty(config.getTty())
                .setStdin(config.getStdin())
                .setStdinOnce(config.getStdinOnce()))
        .build();
  }

  /**
   * Whom the process runs as, and which images it reads, stand in the record, so that a status need
   * not read the spec.
   */
  static ContainerRecord withFacts(
      ContainerRecord record, RunsAs runsAs, Map<String, ImageVolumes.Volume> volumes) {
    CriContainer.Builder cri = record.getCri().toBuilder().setRunsAs(runsAs);
    volumes.forEach((path, volume) -> cri.putMountedImages(path, volume.imageId()));
    return record.toBuilder().setCri(cri).build();
  }

  /** The configuration as the container was asked for, with its limits of now. */
  static ContainerConfig config(ContainerRecord record) {
    try {
      return ContainerConfig.parseFrom(record.getCri().getConfig());
    } catch (InvalidProtocolBufferException broken) {
      throw Refusal.internal(
          "the recorded configuration of container " + record.getId() + " cannot be read", broken);
    }
  }

  /** Limits with some of them changed; what the change does not set stays. */
  static LinuxContainerResources merged(
      LinuxContainerResources before, LinuxContainerResources changes) {
    LinuxContainerResources.Builder merged = before.toBuilder();
    if (changes.getHugepageLimitsCount() > 0) {
      merged.clearHugepageLimits();
    }
    return merged.mergeFrom(changes).build();
  }

  static ContainerRecord withResources(ContainerRecord record, LinuxContainerResources resources) {
    ContainerConfig.Builder config = config(record).toBuilder();
    config.getLinuxBuilder().setResources(resources);
    return record.toBuilder()
        .setCri(record.getCri().toBuilder().setConfig(config.build().toByteString()))
        .build();
  }

  /** As {@link #withResources}, of a container whose process still has those of before. */
  static ContainerRecord withPendingResources(
      ContainerRecord record, LinuxContainerResources resources) {
    ByteString before = config(record).getLinux().getResources().toByteString();
    ContainerRecord changed = withResources(record, resources);
    return changed.toBuilder().setCri(changed.getCri().toBuilder().setLimitsBefore(before)).build();
  }

  /** What its process has, or had, while an update is open. */
  static LinuxContainerResources limitsBefore(ContainerRecord record) {
    try {
      return LinuxContainerResources.parseFrom(record.getCri().getLimitsBefore());
    } catch (InvalidProtocolBufferException e) {
      throw Refusal.internal(
          "the recorded limits of container " + record.getId() + " cannot be read", e);
    }
  }

  /** The process has what the record says. */
  static ContainerRecord settled(ContainerRecord record) {
    return record.toBuilder().setCri(record.getCri().toBuilder().clearLimitsBefore()).build();
  }

  private static String stopSignal(ContainerConfig config, JsonObject image) {
    if (config.getStopSignalValue() != 0) {
      return SignalNames.ofCri(config.getStopSignal());
    }
    return image.has("StopSignal") && !image.get("StopSignal").isJsonNull()
        ? image.get("StopSignal").getAsString()
        : "";
  }

  /** Below the pod's log directory, which it may not leave. */
  private static String logPath(SandboxRecord sandbox, ContainerConfig config) {
    if (config.getLogPath().isEmpty() || sandbox.getLogDirectory().isEmpty()) {
      return "";
    }
    Path directory = Path.of(sandbox.getLogDirectory()).toAbsolutePath().normalize();
    Path log = directory.resolve(config.getLogPath()).normalize();
    if (!log.startsWith(directory) || log.equals(directory)) {
      throw Refusal.invalidArgument(
          "the log path "
              + config.getLogPath()
              + " leaves the pod's log directory "
              + directory
              + "; name a file below it");
    }
    return log.toString();
  }
}
