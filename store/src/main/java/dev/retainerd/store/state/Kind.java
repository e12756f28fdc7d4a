package dev.retainerd.store.state;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.ContentEntry;
import dev.retainerd.store.proto.ExecEntry;
import dev.retainerd.store.proto.GroupEntry;
import dev.retainerd.store.proto.GroupRecordEntry;
import dev.retainerd.store.proto.ImageEntry;
import dev.retainerd.store.proto.LeaseEntry;
import dev.retainerd.store.proto.NamespaceEntry;
import dev.retainerd.store.proto.NodeEntry;
import dev.retainerd.store.proto.OperationEntry;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.ShimEntry;
import dev.retainerd.store.proto.SnapshotEntry;
import dev.retainerd.store.proto.SpecEntry;
import dev.retainerd.store.proto.TaskEntry;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A kind of thing the state knows, with the type of its entries. The instances are constants:
 * compare by identity.
 *
 * @param <T> the entry's type
 */
public final class Kind<T extends Message> {
  public static final Kind<NodeEntry> NODE = of("node", NodeEntry.parser());
  public static final Kind<NamespaceEntry> NAMESPACE = of("namespace", NamespaceEntry.parser());

  /** Found by its labels too. */
  public static final Kind<ImageEntry> IMAGE =
      of(
          "image",
          ImageEntry.parser(),
          labelled(ImageEntry::getImage, e -> e.getImage().getLabelsMap()));

  public static final Kind<ContentEntry> CONTENT = of("content", ContentEntry.parser());

  /** Found by its labels and its parent too. */
  public static final Kind<SnapshotEntry> SNAPSHOT =
      of(
          "snapshot",
          SnapshotEntry.parser(),
          new Terms<>(
              SnapshotEntry::getSnapshot,
              e -> e.getSnapshot().getLabelsMap(),
              (e, terms) -> {
                if (!e.getSnapshot().getParent().isEmpty()) {
                  terms.accept(Term.onParent(e.getSnapshot().getParent()));
                }
              }));

  public static final Kind<LeaseEntry> LEASE = of("lease", LeaseEntry.parser());

  /** Found by its labels and its pod too. */
  public static final Kind<ContainerEntry> CONTAINER =
      of(
          "container",
          ContainerEntry.parser(),
          new Terms<>(
              ContainerEntry::getContainer,
              e -> e.getContainer().getLabelsMap(),
              (e, terms) -> {
                if (!e.getContainer().getSandboxId().isEmpty()) {
                  terms.accept(Term.inPod(e.getContainer().getSandboxId()));
                }
              }));

  /** OCI specs: tens of KiB each and rarely asked for, so they are not held in memory. */
  public static final Kind<SpecEntry> SPEC =
      new Kind<>("spec", SpecEntry.parser(), false, Terms.none());

  /** Found by its labels and its name in full too. */
  public static final Kind<SandboxEntry> SANDBOX =
      of(
          "sandbox",
          SandboxEntry.parser(),
          new Terms<>(
              SandboxEntry::getSandbox,
              e -> e.getSandbox().getLabelsMap(),
              (e, terms) -> terms.accept(Term.podName(e.getSandbox()))));

  public static final Kind<TaskEntry> TASK = of("task", TaskEntry.parser());
  public static final Kind<ExecEntry> EXEC = of("exec", ExecEntry.parser());
  public static final Kind<ShimEntry> SHIM = of("shim", ShimEntry.parser());
  public static final Kind<OperationEntry> OPERATION = of("operation", OperationEntry.parser());

  /** Sandboxes of clients of containerd's API, as recorded, and as far as they run. */
  public static final Kind<GroupRecordEntry> GROUP_RECORD =
      of("group-record", GroupRecordEntry.parser());

  public static final Kind<GroupEntry> GROUP = of("group", GroupEntry.parser());

  /** Every kind; the order is that of the store's column families. */
  public static final List<Kind<?>> ALL =
      List.of(
          NODE,
          NAMESPACE,
          IMAGE,
          CONTENT,
          SNAPSHOT,
          LEASE,
          CONTAINER,
          SPEC,
          SANDBOX,
          TASK,
          EXEC,
          SHIM,
          OPERATION,
          GROUP_RECORD,
          GROUP);

  static {
    for (int i = 0; i < ALL.size(); i++) {
      ALL.get(i).ordinal = i;
    }
  }

  private final String name;
  private final Parser<T> parser;
  private final boolean resident;
  private final Terms<T> terms;
  private int ordinal = -1;

  private Kind(String name, Parser<T> parser, boolean resident, Terms<T> terms) {
    this.name = name;
    this.parser = parser;
    this.resident = resident;
    this.terms = terms;
  }

  private static <T extends Message> Kind<T> of(String name, Parser<T> parser) {
    return of(name, parser, Terms.none());
  }

  private static <T extends Message> Kind<T> of(String name, Parser<T> parser, Terms<T> terms) {
    return new Kind<>(name, parser, true, terms);
  }

  private static <T extends Message> Terms<T> labelled(
      Function<T, Object> carrier, Function<T, Map<String, String>> labels) {
    return new Terms<>(carrier, labels, (entry, none) -> {});
  }

  /** By what its entries can be looked up. */
  Terms<T> terms() {
    return terms;
  }

  /** Lower case, stable: the store names its column family after it. */
  public String title() {
    return name;
  }

  /** Whether entries are held in memory. */
  public boolean resident() {
    return resident;
  }

  /** The kind's position in {@link #ALL}. */
  public int ordinal() {
    return ordinal;
  }

  /**
   * Decodes an entry.
   *
   * @throws IllegalArgumentException where the bytes are no such entry
   */
  public T parse(byte[] bytes) {
    try {
      return parser.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("a " + name + " entry cannot be decoded", e);
    }
  }

  /** The key of a thing of this kind. Node-wide things have the namespace "". */
  public Key<T> key(String namespace, String id) {
    return new Key<>(this, namespace, id);
  }

  @Override
  public String toString() {
    return name;
  }
}
