package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.namespaces.IdMappings;
import dev.retainerd.runtime.namespaces.NamespaceKind;
import dev.retainerd.runtime.namespaces.NamespacePin;
import dev.retainerd.runtime.namespaces.NamespacePins;
import dev.retainerd.runtime.namespaces.NamespaceRequest;
import dev.retainerd.runtime.sandbox.PodNamespaces;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Pods' namespaces as pins below the state folder.
 *
 * @param idMappedMounts without them no pod can have a user namespace
 */
record PinnedNamespaces(NamespacePins pins, IdMappedMounts idMappedMounts)
    implements PodNamespaces {

  @Override
  public Path net(String sandboxId) {
    return pins.path(sandboxId, NamespaceKind.NETWORK);
  }

  @Override
  public Path uts(String sandboxId) {
    return pins.path(sandboxId, NamespaceKind.UTS);
  }

  @Override
  public Path ipc(String sandboxId) {
    return pins.path(sandboxId, NamespaceKind.IPC);
  }

  @Override
  public Path user(String sandboxId) {
    return pins.path(sandboxId, NamespaceKind.USER);
  }

  @Override
  public void pin(SandboxRecord sandbox, Map<String, String> sysctls) {
    Set<NamespaceKind> kinds = EnumSet.noneOf(NamespaceKind.class);
    if (!sandbox.getNetnsPath().isEmpty()) {
      kinds.add(NamespaceKind.NETWORK);
    }
    if (!sandbox.getUtsnsPath().isEmpty()) {
      kinds.add(NamespaceKind.UTS);
    }
    if (!sandbox.getIpcnsPath().isEmpty()) {
      kinds.add(NamespaceKind.IPC);
    }
    IdMappings ids = PodUsers.of(sandbox);
    if (!ids.equals(IdMappings.NONE)) {
      idMappedMounts.require();
      kinds.add(NamespaceKind.USER);
    }
    if (!kinds.isEmpty()) {
      pins.pin(new NamespaceRequest(sandbox.getId(), kinds, sandbox.getHostname(), sysctls, ids));
    }
  }

  @Override
  public void release(SandboxRecord sandbox) {
    pins.release(sandbox.getId());
  }

  @Override
  public boolean isAlive(Path netns) {
    return NamespacePins.isAlive(netns, NamespaceKind.NETWORK);
  }

  @Override
  public Set<String> pinned() {
    try {
      return pins.list().stream().map(NamespacePin::id).collect(Collectors.toSet());
    } catch (IOException e) {
      throw Refusal.internal("the pinned namespaces cannot be listed: " + e.getMessage(), e);
    }
  }

  @Override
  public void release(String sandboxId) {
    pins.release(sandboxId);
  }
}
