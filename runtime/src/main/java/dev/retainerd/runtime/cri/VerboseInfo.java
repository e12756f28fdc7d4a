package dev.retainerd.runtime.cri;

import com.google.gson.JsonObject;
import dev.retainerd.eventlog.proto.ProcessIdentity;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.Provenance;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.TaskEntry;
import java.util.Map;
import java.util.Optional;

/** What a verbose status adds: pid, shim, and which events made the entry what it is. Pure. */
final class VerboseInfo {
  private VerboseInfo() {}

  static Map<String, String> of(SandboxEntry entry, TaskService tasks) {
    JsonObject info = provenance(entry.getProvenance());
    info.addProperty("sandboxID", entry.getSandbox().getId());
    info.addProperty("shim", entry.getShimId());
    info.addProperty("networkNamespace", entry.getSandbox().getNetnsPath());
    info.addProperty(
        "pid",
        tasks
            .find(SandboxService.NAMESPACE, entry.getSandbox().getId())
            .map(TaskEntry::getInit)
            .map(ProcessIdentity::getPid)
            .orElse(0));
    return Map.of("info", info.toString());
  }

  static Map<String, String> of(ContainerEntry entry, Optional<TaskEntry> task) {
    JsonObject info = provenance(entry.getProvenance());
    info.addProperty("sandboxID", entry.getContainer().getSandboxId());
    info.addProperty("pid", task.map(t -> t.getInit().getPid()).orElse(0));
    info.addProperty("snapshotKey", entry.getContainer().getSnapshotKey());
    info.addProperty("snapshotter", entry.getContainer().getSnapshotter());
    info.addProperty("runtimeType", entry.getContainer().getRuntime());
    info.addProperty("shim", task.map(TaskEntry::getShimId).orElse(""));
    return Map.of("info", info.toString());
  }

  private static JsonObject provenance(Provenance provenance) {
    JsonObject info = new JsonObject();
    info.addProperty("createdByEvent", provenance.getCreated());
    info.addProperty("changedByEvent", provenance.getChanged());
    return info;
  }
}
