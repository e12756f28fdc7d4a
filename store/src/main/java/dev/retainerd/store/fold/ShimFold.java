package dev.retainerd.store.fold;

import dev.retainerd.eventlog.proto.ShimAdoptingPayload;
import dev.retainerd.eventlog.proto.ShimAssignedPayload;
import dev.retainerd.eventlog.proto.ShimReplacedPayload;
import dev.retainerd.eventlog.proto.ShimStartFailedPayload;
import dev.retainerd.eventlog.proto.ShimStartedPayload;
import dev.retainerd.eventlog.proto.ShimStartingPayload;
import dev.retainerd.eventlog.proto.ShimUnassignedPayload;
import dev.retainerd.eventlog.proto.ShimUnreachablePayload;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.ShimEntry;
import dev.retainerd.store.proto.ShimPhase;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/** Events about shims. Shims are node-wide: their keys' namespace is "". */
final class ShimFold {

  private ShimFold() {}

  private static Key<ShimEntry> key(String id) {
    return Kind.SHIM.key("", id);
  }

  static void starting(Folding f, ShimStartingPayload p) {
    Optional<ShimPhase> phase = f.view().get(key(p.getId())).map(ShimEntry::getPhase);
    ShimPhase next = Lifecycles.SHIM.next(p.getId(), phase, f.type()).orElseThrow();
    f.put(
        key(p.getId()),
        ShimEntry.newBuilder()
            .setProvenance(f.born())
            .setId(p.getId())
            .setAddress(p.getAddress())
            .setAdopts(p.getAdopts())
            .setPhase(next)
            .build());
  }

  static void started(Folding f, ShimStartedPayload p) {
    changed(f, p.getId(), s -> s.setProcess(p.getProcess()).setVersion(p.getVersion()));
  }

  static void adopting(Folding f, ShimAdoptingPayload p) {
    changed(f, p.getId(), s -> s.setAdopts(p.getGone()));
  }

  static void assigned(Folding f, ShimAssignedPayload p) {
    changed(f, p.getId(), s -> owners(s, p.getOwner(), true));
    // One that is assigned anew once it is ready has moved.
    int slash = p.getOwner().indexOf('/');
    Key<SandboxEntry> sandbox =
        Kind.SANDBOX.key(
            p.getOwner().substring(0, Math.max(0, slash)), p.getOwner().substring(slash + 1));
    f.view()
        .get(sandbox)
        .filter(entry -> !entry.getShimId().isEmpty())
        .ifPresent(entry -> f.put(sandbox, entry.toBuilder().setShimId(p.getId()).build()));
  }

  static void unassigned(Folding f, ShimUnassignedPayload p) {
    changed(f, p.getId(), s -> owners(s, p.getOwner(), false));
  }

  static void unreachable(Folding f, ShimUnreachablePayload p) {
    moved(f, p.getId(), p.getReason());
  }

  static void startFailed(Folding f, ShimStartFailedPayload p) {
    moved(f, p.getId(), p.getReason());
  }

  /** Events that only move it along its lifecycle, with the reason if there is one, or end it. */
  static void moved(Folding f, String id, String reason) {
    changed(f, id, s -> s.setReason(reason));
  }

  /** Owners, tasks and sandboxes of the lost shim belong to its successor from here on. */
  static void replaced(Folding f, ShimReplacedPayload p) {
    ShimEntry lost = existing(f, p.getId());
    ShimEntry successor = existing(f, p.getSuccessor());
    changed(f, p.getId(), UnaryOperator.identity());
    TreeSet<String> owners = new TreeSet<>(successor.getOwnersList());
    owners.addAll(lost.getOwnersList());
    f.put(
        key(p.getSuccessor()),
        successor.toBuilder()
            .setProvenance(f.changed(successor.getProvenance()))
            .clearOwners()
            .addAllOwners(owners)
            .clearAdopts()
            .build());
    f.view()
        .forEach(
            Kind.TASK,
            (taskKey, task) -> {
              if (task.getShimId().equals(p.getId())) {
                f.put(taskKey, task.toBuilder().setShimId(p.getSuccessor()).build());
              }
            });
    f.view()
        .forEach(
            Kind.SANDBOX,
            (sandboxKey, sandbox) -> {
              if (sandbox.getShimId().equals(p.getId())) {
                f.put(sandboxKey, sandbox.toBuilder().setShimId(p.getSuccessor()).build());
              }
            });
  }

  private static ShimEntry.Builder owners(ShimEntry.Builder shim, String owner, boolean add) {
    TreeSet<String> owners = new TreeSet<>(shim.getOwnersList());
    if (add) {
      owners.add(owner);
    } else {
      owners.remove(owner);
    }
    return shim.clearOwners().addAllOwners(owners);
  }

  private static ShimEntry existing(Folding f, String id) {
    return f.view()
        .get(key(id))
        .orElseThrow(() -> new IllegalTransitionException("shim " + id, "absent", f.type()));
  }

  private static void changed(Folding f, String id, UnaryOperator<ShimEntry.Builder> change) {
    ShimEntry before = existing(f, id);
    Optional<ShimPhase> next = Lifecycles.SHIM.next(id, Optional.of(before.getPhase()), f.type());
    if (next.isEmpty()) {
      f.remove(key(id));
      return;
    }
    f.put(
        key(id),
        change
            .apply(before.toBuilder())
            .setProvenance(f.changed(before.getProvenance()))
            .setPhase(next.get())
            .build());
  }
}
