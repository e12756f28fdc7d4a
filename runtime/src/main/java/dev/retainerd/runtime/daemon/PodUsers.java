package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.namespaces.IdMappings;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.RootMount;
import dev.retainerd.wire.cri.v1.IDMapping;
import dev.retainerd.wire.cri.v1.Mount;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.UserNamespace;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What pods say of their user namespace (KEP-127), in the words of the parts that make it. Pure.
 */
final class PodUsers {
  /** Labels by which containerd's snapshotters know it. */
  private static final String UID_LABEL = "containerd.io/snapshot/uidmapping";

  private static final String GID_LABEL = "containerd.io/snapshot/gidmapping";

  private PodUsers() {}

  /** Who is who in the pod's own user namespace; nobody where it has none. */
  static IdMappings of(SandboxRecord sandbox) {
    UserNamespace asked =
        SandboxService.config(sandbox)
            .getLinux()
            .getSecurityContext()
            .getNamespaceOptions()
            .getUsernsOptions();
    return asked.getMode() == NamespaceMode.POD && asked.getUidsCount() > 0
        ? new IdMappings(ranges(asked.getUidsList()), ranges(asked.getGidsList()))
        : IdMappings.NONE;
  }

  /** Who is who on a mount that says so itself; nobody where it does not. */
  static IdMappings of(Mount mount) {
    try {
      return mount.getUidMappingsCount() > 0 && mount.getGidMappingsCount() > 0
          ? new IdMappings(ranges(mount.getUidMappingsList()), ranges(mount.getGidMappingsList()))
          : IdMappings.NONE;
    } catch (IllegalArgumentException e) {
      throw Refusal.invalidArgument(
              "the mount onto "
                  + mount.getContainerPath()
                  + " maps no users that there can be: "
                  + e.getMessage())
          .because(e);
    }
  }

  private static List<IdMappings.Range> ranges(List<IDMapping> mappings) {
    return mappings.stream()
        .map(
            one ->
                new IdMappings.Range(
                    Integer.toUnsignedLong(one.getContainerId()),
                    Integer.toUnsignedLong(one.getHostId()),
                    Integer.toUnsignedLong(one.getLength())))
        .toList();
  }

  /** The options of a mount that shows its owners so, for {@code MappedTrees}. */
  static List<String> options(IdMappings ids) {
    return options(labels(ids));
  }

  /** The same, from the labels of the snapshot that is mounted. */
  static List<String> options(Map<String, String> labels) {
    return labels.containsKey(UID_LABEL)
        ? List.of("uidmap=" + labels.get(UID_LABEL), "gidmap=" + labels.get(GID_LABEL))
        : List.of();
  }

  /** A layer with those options added to its own. */
  static RootMount shown(dev.retainerd.runtime.snapshot.Mount layer, List<String> users) {
    return new RootMount(
        layer.type(),
        layer.source(),
        Stream.concat(layer.options().stream(), users.stream()).toList());
  }

  /** The labels of a snapshot that such a pod's container is to write. */
  static Map<String, String> labels(IdMappings ids) {
    return ids.equals(IdMappings.NONE)
        ? Map.of()
        : Map.of(
            UID_LABEL, IdMappings.text(ids.uids()),
            GID_LABEL, IdMappings.text(ids.gids()));
  }
}
