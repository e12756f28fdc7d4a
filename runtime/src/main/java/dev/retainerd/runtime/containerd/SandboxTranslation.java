package dev.retainerd.runtime.containerd;

import dev.retainerd.eventlog.proto.GroupRecord;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.Fields;
import dev.retainerd.runtime.filter.MaskedMap;
import dev.retainerd.runtime.grpc.Identifiers;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.wire.containerd.types.Sandbox;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Sandboxes, between the wire's form and that of our records. */
final class SandboxTranslation {
  /** Who runs what clients make. */
  static final String SHIM = "shim";

  /** Who runs CRI's pods. */
  static final String POD = "podsandbox";

  private static final List<String> MUTABLE = List.of("labels", "extensions", "spec", "runtime");

  private SandboxTranslation() {}

  /**
   * The record that a client wants made.
   *
   * @throws Refusal INVALID_ARGUMENT
   */
  static GroupRecord checked(Sandbox sandbox) {
    Identifiers.check("sandbox", sandbox.getSandboxId());
    Identifiers.checkLabels(sandbox.getLabelsMap());
    return record(sandbox);
  }

  private static GroupRecord record(Sandbox sandbox) {
    var record =
        GroupRecord.newBuilder()
            .setId(sandbox.getSandboxId())
            .setRuntime(sandbox.getRuntime().getName())
            .putAllLabels(sandbox.getLabelsMap())
            .putAllExtensions(extensions(sandbox))
            .setSandboxer(sandbox.getSandboxer());
    if (sandbox.getRuntime().hasOptions()) {
      record.setRuntimeOptions(Translation.opaque(sandbox.getRuntime().getOptions()));
    }
    if (sandbox.hasSpec()) {
      record.setSpec(Translation.opaque(sandbox.getSpec()));
    }
    return record.build();
  }

  private static Map<String, Opaque> extensions(Sandbox sandbox) {
    return sandbox.getExtensionsMap().entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, e -> Translation.opaque(e.getValue())));
  }

  /**
   * The record after an update.
   *
   * @param fields which fields; none: all that may change
   * @throws Refusal INVALID_ARGUMENT for a field that may not
   */
  static GroupRecord updated(GroupRecord before, Sandbox sandbox, List<String> fields) {
    if (fields.isEmpty() && !before.getRuntime().equals(sandbox.getRuntime().getName())) {
      throw Refusal.invalidArgument("sandbox.Runtime.Name field is immutable: invalid argument");
    }
    List<String> paths = fields.isEmpty() ? MUTABLE : fields;
    GroupRecord wanted = record(sandbox);
    GroupRecord.Builder after = before.toBuilder();
    for (String path : paths) {
      if (path.equals("runtime")) {
        after.setRuntime(wanted.getRuntime());
        after.clearRuntimeOptions();
        if (wanted.hasRuntimeOptions()) {
          after.setRuntimeOptions(wanted.getRuntimeOptions());
        }
      } else if (path.equals("spec")) {
        after.clearSpec();
        if (wanted.hasSpec()) {
          after.setSpec(wanted.getSpec());
        }
      } else if (!MaskedMap.concerns(path, "labels") && !MaskedMap.concerns(path, "extensions")) {
        throw Refusal.invalidArgument(
            "cannot update \"%s\" field on sandbox \"%s\": invalid argument"
                .formatted(path, before.getId()));
      }
    }
    if (paths.stream().anyMatch(path -> MaskedMap.concerns(path, "labels"))) {
      Map<String, String> labels =
          MaskedMap.labels(before.getLabelsMap(), wanted.getLabelsMap(), "labels", paths);
      after.clearLabels().putAllLabels(Identifiers.checkLabels(labels));
    }
    if (paths.stream().anyMatch(path -> MaskedMap.concerns(path, "extensions"))) {
      after
          .clearExtensions()
          .putAllExtensions(
              MaskedMap.entries(
                  before.getExtensionsMap(), wanted.getExtensionsMap(), "extensions", paths));
    }
    return after.build();
  }

  static Sandbox wire(GroupRecord record) {
    var runtime = Sandbox.Runtime.newBuilder().setName(record.getRuntime());
    if (record.hasRuntimeOptions()) {
      runtime.setOptions(Translation.any(record.getRuntimeOptions()));
    }
    var sandbox =
        Sandbox.newBuilder()
            .setSandboxId(record.getId())
            .setRuntime(runtime)
            .putAllLabels(record.getLabelsMap())
            .setCreatedAt(Translation.timestamp(record.getCreatedAtNanos()))
            .setUpdatedAt(Translation.timestamp(record.getUpdatedAtNanos()))
            .setSandboxer(record.getSandboxer());
    if (record.hasSpec()) {
      sandbox.setSpec(Translation.any(record.getSpec()));
    }
    record
        .getExtensionsMap()
        .forEach((name, value) -> sandbox.putExtensions(name, Translation.any(value)));
    return sandbox.build();
  }

  /** A pod, as far as other clients can use what is known of it. */
  static Sandbox wire(SandboxEntry entry) {
    SandboxRecord pod = entry.getSandbox();
    return Sandbox.newBuilder()
        .setSandboxId(pod.getId())
        .setRuntime(Sandbox.Runtime.newBuilder().setName(pod.getRuntimeHandler()))
        .putAllLabels(pod.getLabelsMap())
        .setCreatedAt(Translation.timestamp(pod.getCreatedAtNanos()))
        .setUpdatedAt(Translation.timestamp(entry.getProvenance().getChangedAtNanos()))
        .setSandboxer(POD)
        .build();
  }

  static Fields fields(Sandbox sandbox) {
    return path ->
        switch (path.getFirst()) {
          case "id" -> Fields.value(sandbox.getSandboxId());
          case "runtime" -> Fields.value(sandbox.getRuntime().getName());
          case "sandboxer" -> Fields.value(sandbox.getSandboxer());
          case "labels" -> Fields.entry(sandbox.getLabelsMap(), path);
          default -> Optional.empty();
        };
  }
}
