package dev.retainerd.runtime.cri;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.eventlog.proto.ProcessIdentity;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.sandbox.SandboxRecords;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.ContainerPhase;
import dev.retainerd.store.proto.Provenance;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.SpecEntry;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * What a verbose status adds, under containerd's names where it has one: pid, snapshot, runtime,
 * configuration, OCI spec; and which shim it lives in and which events made the entry what it is.
 */
record VerboseInfo(
    TaskService tasks, SandboxService sandboxes, Function<String, Optional<SpecEntry>> specs) {
  Map<String, String> of(SandboxEntry entry) {
    SandboxRecord record = entry.getSandbox();
    JsonObject info = provenance(entry.getProvenance());
    info.addProperty("sandboxID", record.getId());
    info.addProperty("shim", entry.getShimId());
    info.addProperty("runtimeHandler", record.getRuntimeHandler());
    info.addProperty("networkNamespace", record.getNetnsPath());
    info.addProperty("netNamespaceClosed", sandboxes.isNetworkNamespaceClosed(record));
    Optional<TaskEntry> pause = tasks.find(SandboxService.NAMESPACE, record.getId());
    info.addProperty("pid", pause.map(TaskEntry::getInit).map(ProcessIdentity::getPid).orElse(0));
    info.addProperty("processStatus", record.getHasPause() ? status(pause) : "");
    info.add("config", GoJson.of(SandboxService.config(record)));
    if (entry.getAttachmentsCount() > 0) {
      info.add("cniResult", GoJson.cniResult(entry.getAttachments(0)));
    }
    info.add("sandboxMetadata", metadata(entry));
    resources(entry.getOverhead()).ifPresent(json -> info.add("overhead", json));
    resources(entry.getResources()).ifPresent(json -> info.add("resources", json));
    info.add(
        "runtimeSpec",
        specs.apply(record.getId()).map(VerboseInfo::tree).orElseGet(() -> namespaces(record)));
    return Map.of("info", info.toString());
  }

  /** As containerd says it: that of the task, or that it was deleted. */
  private static String status(Optional<TaskEntry> pause) {
    return pause
        .map(task -> task.getPhase() == TaskPhase.TASK_PHASE_RUNNING ? "running" : "stopped")
        .orElse("deleted");
  }

  /** What containerd keeps of a pod, as it is written there. */
  private static JsonObject metadata(SandboxEntry entry) {
    SandboxRecord record = entry.getSandbox();
    var network = CriViews.sandboxStatus(entry).getNetwork();
    JsonObject metadata = new JsonObject();
    metadata.addProperty("ID", record.getId());
    metadata.addProperty("Name", SandboxRecords.reservedName(record));
    metadata.add("Config", GoJson.of(SandboxService.config(record)));
    metadata.addProperty("NetNSPath", record.getNetnsPath());
    metadata.addProperty("IP", network.getIp());
    JsonArray more = new JsonArray();
    network.getAdditionalIpsList().forEach(ip -> more.add(ip.getIp()));
    metadata.add("AdditionalIPs", more);
    metadata.addProperty("RuntimeHandler", record.getRuntimeHandler());
    JsonObject versioned = new JsonObject();
    versioned.addProperty("Version", "v1");
    versioned.add("Metadata", metadata);
    return versioned;
  }

  /** A pod without a pause process has no spec: what its containers will join stands here. */
  private static JsonElement namespaces(SandboxRecord record) {
    JsonArray list = new JsonArray();
    Map<String, String> paths = new LinkedHashMap<>();
    paths.put("network", record.getNetnsPath());
    paths.put("ipc", record.getIpcnsPath());
    paths.put("uts", record.getUtsnsPath());
    paths.forEach(
        (type, path) -> {
          if (!path.isEmpty()) {
            JsonObject namespace = new JsonObject();
            namespace.addProperty("type", type);
            namespace.addProperty("path", path);
            list.add(namespace);
          }
        });
    JsonObject linux = new JsonObject();
    linux.add("namespaces", list);
    JsonObject spec = new JsonObject();
    spec.add("linux", linux);
    return spec;
  }

  private static Optional<JsonElement> resources(ByteString bytes) {
    if (bytes.isEmpty()) {
      return Optional.empty();
    }
    JsonObject linux = new JsonObject();
    try {
      linux.add("linux", GoJson.of(LinuxContainerResources.parseFrom(bytes)));
    } catch (InvalidProtocolBufferException e) {
      return Optional.empty();
    }
    return Optional.of(linux);
  }

  Map<String, String> of(ContainerEntry entry, Optional<TaskEntry> task) {
    JsonObject info = provenance(entry.getProvenance());
    String id = entry.getContainer().getId();
    info.addProperty("sandboxID", entry.getContainer().getSandboxId());
    info.addProperty("pid", task.map(t -> t.getInit().getPid()).orElse(0));
    info.addProperty("removing", entry.getPhase() == ContainerPhase.CONTAINER_PHASE_REMOVING);
    info.addProperty("snapshotKey", entry.getContainer().getSnapshotKey());
    info.addProperty("snapshotter", entry.getContainer().getSnapshotter());
    info.addProperty("runtimeType", entry.getContainer().getRuntime());
    info.addProperty("shim", task.map(TaskEntry::getShimId).orElse(""));
    info.add("config", GoJson.of(CriViews.config(entry)));
    specs.apply(id).ifPresent(spec -> info.add("runtimeSpec", tree(spec)));
    return Map.of("info", info.toString());
  }

  private static JsonElement tree(SpecEntry spec) {
    return JsonParser.parseString(spec.getSpec().getValue().toStringUtf8());
  }

  private static JsonObject provenance(Provenance provenance) {
    JsonObject info = new JsonObject();
    info.addProperty("createdByEvent", provenance.getCreated());
    info.addProperty("changedByEvent", provenance.getChanged());
    return info;
  }
}
