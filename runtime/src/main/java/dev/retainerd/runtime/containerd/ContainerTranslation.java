package dev.retainerd.runtime.containerd;

import com.google.protobuf.FieldMask;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.Fields;
import dev.retainerd.runtime.filter.MaskedMap;
import dev.retainerd.runtime.grpc.Identifiers;
import dev.retainerd.store.proto.SpecEntry;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Container records between the wire's form and ours, and the rules for what they may hold. */
final class ContainerTranslation {
  /** What an update without a mask replaces. */
  private static final List<String> MUTABLE =
      List.of("labels", "spec", "extensions", "image", "snapshotkey");

  private ContainerTranslation() {}

  static ContainerRecord record(Container container) {
    var record =
        ContainerRecord.newBuilder()
            .setId(container.getId())
            .putAllLabels(container.getLabelsMap())
            .setImage(container.getImage())
            .setRuntime(container.getRuntime().getName())
            .setSnapshotter(container.getSnapshotter())
            .setSnapshotKey(container.getSnapshotKey())
            .putAllExtensions(extensions(container))
            .setSandboxId(container.getSandbox());
    if (container.getRuntime().hasOptions()) {
      record.setRuntimeOptions(Translation.opaque(container.getRuntime().getOptions()));
    }
    if (container.hasSpec()) {
      record.setSpec(Translation.opaque(container.getSpec()));
    }
    return record.build();
  }

  private static Map<String, Opaque> extensions(Container container) {
    return container.getExtensionsMap().entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, e -> Translation.opaque(e.getValue())));
  }

  static Container wire(ContainerRecord record, Opaque spec) {
    var runtime = Container.Runtime.newBuilder().setName(record.getRuntime());
    if (record.hasRuntimeOptions()) {
      runtime.setOptions(Translation.any(record.getRuntimeOptions()));
    }
    var container =
        Container.newBuilder()
            .setId(record.getId())
            .putAllLabels(record.getLabelsMap())
            .setImage(record.getImage())
            .setRuntime(runtime)
            .setSpec(Translation.any(spec))
            .setSnapshotter(record.getSnapshotter())
            .setSnapshotKey(record.getSnapshotKey())
            .setCreatedAt(Translation.timestamp(record.getCreatedAtNanos()))
            .setUpdatedAt(Translation.timestamp(record.getUpdatedAtNanos()))
            .setSandbox(record.getSandboxId());
    record
        .getExtensionsMap()
        .forEach((name, value) -> container.putExtensions(name, Translation.any(value)));
    return container.build();
  }

  /**
   * Returns the record if it can be one.
   *
   * @throws Refusal INVALID_ARGUMENT
   */
  static ContainerRecord checked(ContainerRecord record) {
    Identifiers.check("container", record.getId());
    Identifiers.checkLabels(record.getLabelsMap());
    String container = "container \"" + record.getId() + "\": ";
    if (record.getExtensionsMap().containsKey("")) {
      throw Refusal.invalidArgument(container + "an extension must have a name");
    }
    if (record.getRuntime().isEmpty()) {
      throw Refusal.invalidArgument(container + "runtime.name must be set");
    }
    if (!record.hasSpec()) {
      throw Refusal.invalidArgument(container + "spec must be set");
    }
    if (!record.getSnapshotKey().isEmpty() && record.getSnapshotter().isEmpty()) {
      throw Refusal.invalidArgument(container + "snapshotter must be set where snapshot_key is");
    }
    return record;
  }

  /**
   * The record after an update.
   *
   * @throws Refusal INVALID_ARGUMENT if the mask, or what comes of it, is not allowed
   */
  static ContainerRecord updated(
      ContainerRecord before, SpecEntry spec, Container wanted, FieldMask mask) {
    List<String> paths = mask.getPathsList();
    if (paths.isEmpty()) {
      refuseImmutable(before, wanted);
      paths = MUTABLE;
    }
    var after = before.toBuilder().setSpec(spec.getSpec());
    for (String path : paths) {
      switch (path) {
        case "spec" -> after.setSpec(Translation.opaque(wanted.getSpec()));
        case "image" -> after.setImage(wanted.getImage());
        case "snapshotkey" -> after.setSnapshotKey(wanted.getSnapshotKey());
        default -> {
          if (!MaskedMap.concerns(path, "labels") && !MaskedMap.concerns(path, "extensions")) {
            throw Refusal.invalidArgument(
                "cannot update the field \"%s\" of container \"%s\""
                    .formatted(path, before.getId()));
          }
        }
      }
    }
    if (paths.stream().anyMatch(path -> MaskedMap.concerns(path, "labels"))) {
      after
          .clearLabels()
          .putAllLabels(
              MaskedMap.labels(before.getLabelsMap(), wanted.getLabelsMap(), "labels", paths));
    }
    if (paths.stream().anyMatch(path -> MaskedMap.concerns(path, "extensions"))) {
      after
          .clearExtensions()
          .putAllExtensions(
              MaskedMap.entries(
                  before.getExtensionsMap(), extensions(wanted), "extensions", paths));
    }
    return checked(after.setUpdatedAtNanos(Translation.nowNanos()).build());
  }

  private static void refuseImmutable(ContainerRecord before, Container wanted) {
    if (!before.getSnapshotter().equals(wanted.getSnapshotter())) {
      throw Refusal.invalidArgument(
          "container \"%s\": snapshotter cannot be changed".formatted(before.getId()));
    }
    if (!before.getRuntime().equals(wanted.getRuntime().getName())) {
      throw Refusal.invalidArgument(
          "container \"%s\": runtime.name cannot be changed".formatted(before.getId()));
    }
  }

  static Fields fields(ContainerRecord record) {
    return path ->
        switch (path.getFirst()) {
          case "id" -> Fields.value(record.getId());
          case "image" -> Fields.value(record.getImage());
          case "runtime" ->
              path.size() > 1 && path.get(1).equals("name")
                  ? Fields.value(record.getRuntime())
                  : Optional.empty();
          case "labels" -> Fields.entry(record.getLabelsMap(), path);
          default -> Optional.empty();
        };
  }
}
