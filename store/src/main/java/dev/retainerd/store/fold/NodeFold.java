package dev.retainerd.store.fold;

import dev.retainerd.eventlog.proto.DaemonStartedPayload;
import dev.retainerd.eventlog.proto.DamageFoundPayload;
import dev.retainerd.eventlog.proto.GenerationArchivedPayload;
import dev.retainerd.eventlog.proto.GenerationRemovedPayload;
import dev.retainerd.store.proto.Damage;
import dev.retainerd.store.proto.NodeEntry;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import java.util.List;

/** Events about the node and its daemon. */
final class NodeFold {
  private static final Key<NodeEntry> NODE = Kind.NODE.key("", "node");
  private static final int DAMAGES_KEPT = 16;

  private NodeFold() {}

  static void started(Folding f, DaemonStartedPayload p) {
    NodeEntry.Builder next = entry(f);
    next.setNodeId(p.getNodeId())
        .setBootId(p.getBootId())
        .setVersion(p.getVersion())
        .setDaemonPid(p.getPid())
        .setDurability(p.getDurability())
        .setStoppedCleanly(false)
        .setStarts(next.getStarts() + 1);
    f.put(NODE, next.build());
  }

  static void stopping(Folding f) {
    f.put(NODE, entry(f).setStoppedCleanly(true).build());
  }

  static void touched(Folding f) {
    f.put(NODE, entry(f).build());
  }

  static void archived(Folding f, GenerationArchivedPayload p) {
    f.put(NODE, entry(f).setLogArchivedThrough(p.getLastSequence()).build());
  }

  static void logBegins(Folding f, GenerationRemovedPayload p) {
    f.put(NODE, entry(f).setLogRemovedThrough(p.getLastSequence()).build());
  }

  static void damaged(Folding f, DamageFoundPayload p) {
    NodeEntry.Builder next = entry(f);
    next.addDamages(
        Damage.newBuilder()
            .setSequence(f.at().sequence())
            .setWhat(p.getWhat())
            .setPath(p.getPath())
            .setSetAsideTo(p.getSetAsideTo())
            .setFirstLostSequence(p.getFirstLostSequence())
            .setLastLostSequence(p.getLastLostSequence())
            .setDetail(p.getDetail()));
    if (next.getDamagesCount() > DAMAGES_KEPT) {
      List<Damage> newest = List.copyOf(next.getDamagesList().subList(1, next.getDamagesCount()));
      next.clearDamages().addAllDamages(newest);
    }
    f.put(NODE, next.build());
  }

  private static NodeEntry.Builder entry(Folding f) {
    return f.view()
        .get(NODE)
        .map(before -> before.toBuilder().setProvenance(f.changed(before.getProvenance())))
        .orElseGet(() -> NodeEntry.newBuilder().setProvenance(f.born()));
  }
}
