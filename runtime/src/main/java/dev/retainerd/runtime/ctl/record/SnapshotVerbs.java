package dev.retainerd.runtime.ctl.record;

import com.google.gson.JsonObject;
import com.google.protobuf.FieldMask;
import dev.retainerd.runtime.ctl.command.Labels;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Table;
import dev.retainerd.runtime.ctl.command.Times;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.wire.containerd.services.snapshots.v1.CommitSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.Info;
import dev.retainerd.wire.containerd.services.snapshots.v1.Kind;
import dev.retainerd.wire.containerd.services.snapshots.v1.ListSnapshotsRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.MountsRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.PrepareSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.RemoveSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.SnapshotsGrpc;
import dev.retainerd.wire.containerd.services.snapshots.v1.StatSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.UpdateSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.UsageRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.UsageResponse;
import dev.retainerd.wire.containerd.services.snapshots.v1.ViewSnapshotRequest;
import dev.retainerd.wire.containerd.types.Mount;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl snapshots}. */
public final class SnapshotVerbs {
  private static final String GC_ROOT = "containerd.io/gc.root";

  private SnapshotVerbs() {}

  /** A verb on snapshots of one snapshotter. */
  public abstract static class Snapshotting extends Verb {
    @Option(names = "--snapshotter", description = "snapshotter name", paramLabel = "NAME")
    protected String snapshotter =
        System.getenv().getOrDefault("CONTAINERD_SNAPSHOTTER", "overlayfs");

    protected static SnapshotsGrpc.SnapshotsBlockingStub stub(Session session) {
      return session.bounded(SnapshotsGrpc.newBlockingStub(session.channel()));
    }

    List<Info> all(Session session, List<String> filters) {
      List<Info> found = new ArrayList<>();
      stub(session)
          .list(
              ListSnapshotsRequest.newBuilder()
                  .setSnapshotter(snapshotter)
                  .addAllFilters(filters)
                  .build())
          .forEachRemaining(part -> found.addAll(part.getInfoList()));
      return found;
    }

    Map<String, String> rooted() {
      return Map.of(GC_ROOT, Instant.now().toString());
    }

    void printMounts(Session session, String target, List<Mount> mounts) {
      for (Mount mount : mounts) {
        session.println(
            "mount -t "
                + mount.getType()
                + " "
                + mount.getSource()
                + " "
                + target
                + " -o "
                + String.join(",", mount.getOptionsList()));
      }
    }
  }

  private static String kind(Kind kind) {
    return switch (kind) {
      case VIEW -> "View";
      case ACTIVE -> "Active";
      case COMMITTED -> "Committed";
      case UNKNOWN, UNRECOGNIZED -> "Unknown";
    };
  }

  /** Lists them. */
  @Command(name = "list", description = "list snapshots")
  public static final class Ls extends Snapshotting {
    @Parameters(paramLabel = "FILTER")
    List<String> filters = new ArrayList<>();

    @Override
    protected int run(Session session) {
      Table table = Table.narrow("KEY", "PARENT", "KIND");
      for (Info one : all(session, filters)) {
        table.row(one.getName(), one.getParent(), kind(one.getKind()));
      }
      table.print(session.out());
      return 0;
    }
  }

  /** Shows one. */
  @Command(name = "info", description = "get info about a snapshot")
  public static final class Show extends Snapshotting {
    @Parameters(index = "0", paramLabel = "KEY")
    String key;

    @Override
    protected int run(Session session) {
      Info info =
          stub(session)
              .stat(
                  StatSnapshotRequest.newBuilder().setSnapshotter(snapshotter).setKey(key).build())
              .getInfo();
      JsonObject tree = new JsonObject();
      tree.addProperty("Kind", kind(info.getKind()));
      tree.addProperty("Name", info.getName());
      tree.addProperty("Parent", info.getParent());
      tree.add("Labels", Trees.of(info.getLabelsMap()));
      tree.addProperty("Created", Times.rfc3339(info.getCreatedAt()));
      tree.addProperty("Updated", Times.rfc3339(info.getUpdatedAt()));
      session.print(tree);
      return 0;
    }
  }

  /** Shows who stands on whom. */
  @Command(name = "tree", description = "display tree view of snapshot branches")
  public static final class Tree extends Snapshotting {
    @Override
    protected int run(Session session) {
      Map<String, List<String>> children = new TreeMap<>();
      for (Info one : all(session, List.of())) {
        children.computeIfAbsent(one.getParent(), p -> new ArrayList<>()).add(one.getName());
      }
      print(session, children, "", 0);
      return 0;
    }

    private static void print(
        Session session, Map<String, List<String>> children, String parent, int depth) {
      for (String name : children.getOrDefault(parent, List.of())) {
        session.println((depth == 0 ? "" : "  ".repeat(depth) + "\\_ ") + name);
        print(session, children, name, depth + 1);
      }
    }
  }

  /** Tells how much room they take. */
  @Command(name = "usage", description = "usage snapshots")
  public static final class Usage extends Snapshotting {
    @Option(names = "-b", description = "display size in bytes")
    boolean bytes;

    @Parameters(paramLabel = "KEY")
    List<String> keys = new ArrayList<>();

    @Override
    protected int run(Session session) {
      List<String> wanted =
          keys.isEmpty() ? all(session, List.of()).stream().map(Info::getName).toList() : keys;
      Table table = Table.narrow("KEY", "SIZE", "INODES");
      for (String key : wanted) {
        UsageResponse usage =
            stub(session)
                .usage(UsageRequest.newBuilder().setSnapshotter(snapshotter).setKey(key).build());
        table.row(
            key,
            bytes ? String.valueOf(usage.getSize()) : Phrases.bytes(usage.getSize()),
            usage.getInodes());
      }
      table.print(session.out());
      return 0;
    }
  }

  /** Removes some. */
  @Command(name = "delete", description = "remove snapshots")
  public static final class Rm extends Snapshotting {
    @Parameters(arity = "1..*", paramLabel = "KEY")
    List<String> keys;

    @Override
    protected int run(Session session) {
      return Trees.each(
          session,
          keys,
          key ->
              stub(session)
                  .remove(
                      RemoveSnapshotRequest.newBuilder()
                          .setSnapshotter(snapshotter)
                          .setKey(key)
                          .build()));
    }
  }

  /** Makes a writable snapshot. */
  @Command(name = "prepare", description = "prepare a snapshot from a committed snapshot")
  public static final class Prepare extends Snapshotting {
    @Option(
        names = {"-t", "--target"},
        defaultValue = "",
        description = "mount target path, will print mount, if provided")
    String target;

    @Option(names = "--mounts", description = "print out snapshot mounts as JSON")
    boolean mounts;

    @Parameters(index = "0", paramLabel = "KEY")
    String key;

    @Parameters(index = "1", arity = "0..1", paramLabel = "PARENT")
    String parent = "";

    @Override
    protected int run(Session session) {
      List<Mount> made =
          stub(session)
              .prepare(
                  PrepareSnapshotRequest.newBuilder()
                      .setSnapshotter(snapshotter)
                      .setKey(key)
                      .setParent(parent)
                      .putAllLabels(rooted())
                      .build())
              .getMountsList();
      if (!target.isEmpty()) {
        printMounts(session, target, made);
      }
      return 0;
    }
  }

  /** Makes a read-only snapshot. */
  @Command(name = "view", description = "create a read-only snapshot from a committed snapshot")
  public static final class View extends Snapshotting {
    @Option(
        names = {"-t", "--target"},
        defaultValue = "",
        description = "mount target path, will print mount, if provided")
    String target;

    @Parameters(index = "0", paramLabel = "KEY")
    String key;

    @Parameters(index = "1", arity = "0..1", paramLabel = "PARENT")
    String parent = "";

    @Override
    protected int run(Session session) {
      List<Mount> made =
          stub(session)
              .view(
                  ViewSnapshotRequest.newBuilder()
                      .setSnapshotter(snapshotter)
                      .setKey(key)
                      .setParent(parent)
                      .putAllLabels(rooted())
                      .build())
              .getMountsList();
      if (!target.isEmpty()) {
        printMounts(session, target, made);
      }
      return 0;
    }
  }

  /** Makes an active snapshot a committed one. */
  @Command(name = "commit", description = "commit an active snapshot into the provided name")
  public static final class Commit extends Snapshotting {
    @Parameters(index = "0", paramLabel = "KEY")
    String key;

    @Parameters(index = "1", paramLabel = "ACTIVE")
    String active;

    @Override
    protected int run(Session session) {
      stub(session)
          .commit(
              CommitSnapshotRequest.newBuilder()
                  .setSnapshotter(snapshotter)
                  .setName(key)
                  .setKey(active)
                  .putAllLabels(rooted())
                  .build());
      return 0;
    }
  }

  /** Prints the commands that mount it. */
  @Command(name = "mounts", description = "mount gets mount commands for the snapshots")
  public static final class Mounts extends Snapshotting {
    @Parameters(index = "0", paramLabel = "TARGET")
    String target;

    @Parameters(index = "1", paramLabel = "KEY")
    String key;

    @Override
    protected int run(Session session) {
      printMounts(
          session,
          target,
          stub(session)
              .mounts(MountsRequest.newBuilder().setSnapshotter(snapshotter).setKey(key).build())
              .getMountsList());
      return 0;
    }
  }

  /** Sets and clears labels. */
  @Command(name = "label", description = "add labels to content")
  public static final class Label extends Snapshotting {
    @Parameters(index = "0", paramLabel = "KEY")
    String key;

    @Parameters(index = "1..*", paramLabel = "KEY=VALUE")
    List<String> labels = new ArrayList<>();

    @Override
    protected int run(Session session) {
      Map<String, String> wanted = Labels.parse(labels);
      FieldMask.Builder mask = FieldMask.newBuilder();
      wanted.keySet().forEach(name -> mask.addPaths("labels." + name));
      Info changed =
          stub(session)
              .update(
                  UpdateSnapshotRequest.newBuilder()
                      .setSnapshotter(snapshotter)
                      .setInfo(Info.newBuilder().setName(key).putAllLabels(wanted))
                      .setUpdateMask(mask)
                      .build())
              .getInfo();
      session.println(Labels.text(changed.getLabelsMap()));
      return 0;
    }
  }
}
