package dev.retainerd.store.fold;

import dev.retainerd.eventlog.proto.ContentCommittedPayload;
import dev.retainerd.eventlog.proto.ContentDeletedPayload;
import dev.retainerd.eventlog.proto.ContentUpdatedPayload;
import dev.retainerd.eventlog.proto.ImageCreatedPayload;
import dev.retainerd.eventlog.proto.ImageDeletedPayload;
import dev.retainerd.eventlog.proto.ImageRecord;
import dev.retainerd.eventlog.proto.ImageUpdatedPayload;
import dev.retainerd.eventlog.proto.LeaseCreatedPayload;
import dev.retainerd.eventlog.proto.LeaseDeletedPayload;
import dev.retainerd.eventlog.proto.LeaseResourceAddedPayload;
import dev.retainerd.eventlog.proto.LeaseResourceRemovedPayload;
import dev.retainerd.eventlog.proto.NamespaceCreatedPayload;
import dev.retainerd.eventlog.proto.NamespaceDeletedPayload;
import dev.retainerd.eventlog.proto.NamespaceUpdatedPayload;
import dev.retainerd.store.proto.ContentEntry;
import dev.retainerd.store.proto.ImageEntry;
import dev.retainerd.store.proto.LeaseEntry;
import dev.retainerd.store.proto.LeaseResource;
import dev.retainerd.store.proto.NamespaceEntry;
import dev.retainerd.store.proto.OperationEntry;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import java.util.List;

/**
 * Records without a process behind them: namespaces, images, content, leases, and pulls under way.
 */
final class MetadataFold {

  private MetadataFold() {}

  // Namespaces are node-wide: their key's namespace is "", whatever the event's is.

  static void namespaceCreated(Folding f, NamespaceCreatedPayload p) {
    Key<NamespaceEntry> key = Kind.NAMESPACE.key("", p.getName());
    if (f.view().get(key).isPresent()) {
      throw new IllegalTransitionException("namespace " + p.getName(), "there already", f.type());
    }
    f.put(
        key,
        NamespaceEntry.newBuilder()
            .setProvenance(f.born())
            .setName(p.getName())
            .putAllLabels(p.getLabelsMap())
            .build());
  }

  static void namespaceUpdated(Folding f, NamespaceUpdatedPayload p) {
    NamespaceEntry before = namespace(f, p.getName());
    f.put(
        Kind.NAMESPACE.key("", p.getName()),
        before.toBuilder()
            .setProvenance(f.changed(before.getProvenance()))
            .clearLabels()
            .putAllLabels(p.getLabelsMap())
            .build());
  }

  static void namespaceDeleted(Folding f, NamespaceDeletedPayload p) {
    namespace(f, p.getName());
    f.remove(Kind.NAMESPACE.key("", p.getName()));
  }

  private static NamespaceEntry namespace(Folding f, String name) {
    return f.view()
        .get(Kind.NAMESPACE.key("", name))
        .orElseThrow(() -> new IllegalTransitionException("namespace " + name, "absent", f.type()));
  }

  static void imageCreated(Folding f, ImageCreatedPayload p) {
    ImageRecord image = p.getImage();
    f.mustBeAbsent(Kind.IMAGE, image.getName());
    f.put(
        Kind.IMAGE,
        image.getName(),
        ImageEntry.newBuilder().setProvenance(f.born()).setImage(image).build());
  }

  static void imageUpdated(Folding f, ImageUpdatedPayload p) {
    ImageRecord image = p.getImage();
    ImageEntry before = f.existing(Kind.IMAGE, image.getName());
    f.put(
        Kind.IMAGE,
        image.getName(),
        before.toBuilder()
            .setProvenance(f.changed(before.getProvenance()))
            .setImage(image)
            .build());
  }

  static void imageDeleted(Folding f, ImageDeletedPayload p) {
    f.existing(Kind.IMAGE, p.getName());
    f.remove(Kind.IMAGE, p.getName());
  }

  static void pulling(Folding f, String reference) {
    f.put(
        Kind.OPERATION,
        "pull/" + reference,
        OperationEntry.newBuilder()
            .setProvenance(f.born())
            .setWhat("pull")
            .setSubject(reference)
            .build());
  }

  static void pullEnded(Folding f, String reference) {
    f.existing(Kind.OPERATION, "pull/" + reference);
    f.remove(Kind.OPERATION, "pull/" + reference);
  }

  static void contentCommitted(Folding f, ContentCommittedPayload p) {
    f.mustBeAbsent(Kind.CONTENT, p.getDigest());
    f.put(
        Kind.CONTENT,
        p.getDigest(),
        ContentEntry.newBuilder()
            .setProvenance(f.born())
            .setDigest(p.getDigest())
            .setSize(p.getSize())
            .putAllLabels(p.getLabelsMap())
            .setCreatedAtNanos(f.at().wallNanos())
            .setUpdatedAtNanos(f.at().wallNanos())
            .build());
  }

  static void contentUpdated(Folding f, ContentUpdatedPayload p) {
    ContentEntry before = f.existing(Kind.CONTENT, p.getDigest());
    f.put(
        Kind.CONTENT,
        p.getDigest(),
        before.toBuilder()
            .setProvenance(f.changed(before.getProvenance()))
            .clearLabels()
            .putAllLabels(p.getLabelsMap())
            .setUpdatedAtNanos(f.at().wallNanos())
            .build());
  }

  static void contentDeleted(Folding f, ContentDeletedPayload p) {
    f.existing(Kind.CONTENT, p.getDigest());
    f.remove(Kind.CONTENT, p.getDigest());
  }

  static void leaseCreated(Folding f, LeaseCreatedPayload p) {
    f.mustBeAbsent(Kind.LEASE, p.getId());
    f.put(
        Kind.LEASE,
        p.getId(),
        LeaseEntry.newBuilder()
            .setProvenance(f.born())
            .setId(p.getId())
            .putAllLabels(p.getLabelsMap())
            .setCreatedAtNanos(p.getCreatedAtNanos())
            .build());
  }

  static void leaseDeleted(Folding f, LeaseDeletedPayload p) {
    f.existing(Kind.LEASE, p.getId());
    f.remove(Kind.LEASE, p.getId());
  }

  static void leaseResourceAdded(Folding f, LeaseResourceAddedPayload p) {
    LeaseResource added = resource(p.getResourceId(), p.getResourceType());
    LeaseEntry.Builder next = lease(f, p.getId());
    if (!next.getResourcesList().contains(added)) {
      next.addResources(added);
    }
    f.put(Kind.LEASE, p.getId(), next.build());
  }

  static void leaseResourceRemoved(Folding f, LeaseResourceRemovedPayload p) {
    LeaseResource removed = resource(p.getResourceId(), p.getResourceType());
    LeaseEntry.Builder next = lease(f, p.getId());
    List<LeaseResource> kept =
        next.getResourcesList().stream().filter(r -> !r.equals(removed)).toList();
    f.put(Kind.LEASE, p.getId(), next.clearResources().addAllResources(kept).build());
  }

  private static LeaseEntry.Builder lease(Folding f, String id) {
    LeaseEntry before = f.existing(Kind.LEASE, id);
    return before.toBuilder().setProvenance(f.changed(before.getProvenance()));
  }

  private static LeaseResource resource(String id, String type) {
    return LeaseResource.newBuilder().setId(id).setType(type).build();
  }
}
