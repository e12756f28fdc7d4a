package dev.retainerd.runtime.sandbox;

import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.state.Term;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.NamespaceOption;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.PodSandboxMetadata;
import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Makes the record of a pod from its configuration: which namespaces it has, where they are pinned.
 * Pure but for the clock and the ids it is given.
 *
 * @param pins says where namespaces are pinned
 * @param newId makes ids, 64 hexadecimal digits
 * @param check refuses a configuration that cannot be carried out
 * @param handlers refuses a runtime handler that is not configured; "" is the default one
 * @param sysctls the kernel settings that a configuration asks for, the node's defaults among them
 */
public record SandboxRecords(
    PodNamespaces pins,
    Supplier<String> newId,
    Clock clock,
    Consumer<PodSandboxConfig> check,
    Consumer<String> handlers,
    Function<PodSandboxConfig, Map<String, String>> sysctls) {

  /** A pod's name in full: no two pods have the same. */
  public static String reservedName(PodSandboxConfig config) {
    PodSandboxMetadata m = config.getMetadata();
    return m.getName() + "_" + m.getNamespace() + "_" + m.getUid() + "_" + m.getAttempt();
  }

  /** As {@link #reservedName(PodSandboxConfig)}, of a pod that is there. */
  public static String reservedName(SandboxRecord r) {
    return r.getName() + "_" + r.getPodNamespace() + "_" + r.getUid() + "_" + r.getAttempt();
  }

  /** By that name in full the state finds a pod. */
  static Term term(PodSandboxConfig config) {
    PodSandboxMetadata m = config.getMetadata();
    return Term.podName(m.getName(), m.getNamespace(), m.getUid(), m.getAttempt());
  }

  SandboxRecord of(PodSandboxConfig config, String runtimeHandler) {
    PodSandboxMetadata metadata = config.getMetadata();
    if (metadata.getName().isEmpty() || metadata.getNamespace().isEmpty()) {
      throw Refusal.invalidArgument(
          "the sandbox config names no pod; set metadata.name, metadata.namespace and"
              + " metadata.uid");
    }
    NamespaceOption options = config.getLinux().getSecurityContext().getNamespaceOptions();
    String id = newId.get();
    boolean hostNetwork = options.getNetwork() == NamespaceMode.NODE;
    Instant now = clock.instant();
    return SandboxRecord.newBuilder()
        .setId(id)
        .setName(metadata.getName())
        .setUid(metadata.getUid())
        .setPodNamespace(metadata.getNamespace())
        .setAttempt(metadata.getAttempt())
        .putAllLabels(config.getLabelsMap())
        .putAllAnnotations(config.getAnnotationsMap())
        .setConfig(config.toByteString())
        .setRuntimeHandler(runtimeHandler)
        .setCreatedAtNanos(now.getEpochSecond() * 1_000_000_000L + now.getNano())
        .setNetnsPath(hostNetwork ? "" : pins.net(id).toString())
        .setUtsnsPath(hostNetwork ? "" : pins.uts(id).toString())
        .setIpcnsPath(options.getIpc() == NamespaceMode.NODE ? "" : pins.ipc(id).toString())
        .setHasPause(options.getPid() == NamespaceMode.POD)
        .setHostname(config.getHostname())
        .setCgroupParent(config.getLinux().getCgroupParent())
        .setLogDirectory(config.getLogDirectory())
        .build();
  }
}
