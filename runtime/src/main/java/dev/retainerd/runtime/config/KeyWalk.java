package dev.retainerd.runtime.config;

import dev.retainerd.runtime.config.ConfigFile.Entry;
import dev.retainerd.runtime.config.KeyTable.Node;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tomlj.TomlTable;

/** The way through one file: every key is found in the tree of its version, or is a problem. */
record KeyWalk(
    Path path,
    int version,
    TomlTable root,
    KeyTable keys,
    List<Problem> problems,
    List<Entry> found) {
  private static final Map<String, String> SHORT_PLUGIN_NAMES =
      Map.ofEntries(
          Map.entry("cri", "io.containerd.grpc.v1.cri"),
          Map.entry("cgroups", "io.containerd.monitor.v1.cgroups"),
          Map.entry("linux", "io.containerd.runtime.v1.linux"),
          Map.entry("scheduler", "io.containerd.gc.v1.scheduler"),
          Map.entry("bolt", "io.containerd.metadata.v1.bolt"),
          Map.entry("task", "io.containerd.runtime.v2.task"),
          Map.entry("opt", "io.containerd.internal.v1.opt"),
          Map.entry("restart", "io.containerd.internal.v1.restart"),
          Map.entry("tracing", "io.containerd.internal.v1.tracing"),
          Map.entry("otlp", "io.containerd.tracing.processor.v1.otlp"),
          Map.entry("aufs", "io.containerd.snapshotter.v1.aufs"),
          Map.entry("btrfs", "io.containerd.snapshotter.v1.btrfs"),
          Map.entry("devmapper", "io.containerd.snapshotter.v1.devmapper"),
          Map.entry("native", "io.containerd.snapshotter.v1.native"),
          Map.entry("overlayfs", "io.containerd.snapshotter.v1.overlayfs"),
          Map.entry("zfs", "io.containerd.snapshotter.v1.zfs"),
          Map.entry("diff-service", "io.containerd.service.v1.diff-service"),
          Map.entry("tasks-service", "io.containerd.service.v1.tasks-service"));

  /** The keys of a file with their values, in its order; what is wrong goes to problems. */
  static List<Entry> entries(
      Path path, int version, TomlTable toml, KeyTable keys, List<Problem> problems) {
    KeyWalk walk = new KeyWalk(path, version, toml, keys, problems, new ArrayList<>());
    walk.table(toml, keys.tree(version), new Key(List.of()), new Key(List.of()));
    return walk.found;
  }

  private void table(TomlTable table, Node node, Key written, Key full) {
    for (String name : table.keySet()) {
      Object value = table.get(List.of(name));
      Key writtenChild = written.child(name);
      Key fullChild = full.child(fullName(full, name));
      Optional<Node> child = node.child(fullChild.last());
      if (child.isPresent()) {
        value(value, child.get(), writtenChild, fullChild);
      } else if (node.coversAllBelow().isPresent()) {
        covered(value, node.coversAllBelow().get(), writtenChild, fullChild);
      } else {
        unknown(writtenChild, fullChild, node);
      }
    }
  }

  private String fullName(Key table, String name) {
    boolean shortened = version == 1 && table.equals(Key.of("plugins"));
    return shortened ? SHORT_PLUGIN_NAMES.getOrDefault(name, name) : name;
  }

  private void value(Object value, Node node, Key written, Key full) {
    Optional<KnownKey> leaf = node.leaf();
    if (leaf.isEmpty() && value instanceof TomlTable table) {
      table(table, node, written, full);
      return;
    }
    Object plain = ValueType.plain(value);
    String wants = leaf.map(known -> known.type().words()).orElse("a table");
    if (leaf.isEmpty() || !leaf.get().type().takes(plain)) {
      problem(written, "%s takes %s, not %s", written, wants, ValueType.wordsFor(plain));
      return;
    }
    found.add(new Entry(written, full, leaf.get(), plain, ConfigFile.line(root, written)));
  }

  private void covered(Object value, KnownKey known, Key written, Key full) {
    if (value instanceof TomlTable table && !table.isEmpty()) {
      for (String name : table.keySet()) {
        covered(table.get(List.of(name)), known, written.child(name), full.child(name));
      }
    } else if (!(value instanceof TomlTable)) {
      found.add(
          new Entry(written, full, known, ValueType.plain(value), ConfigFile.line(root, written)));
    }
  }

  private void unknown(Key written, Key full, Node table) {
    for (int other = ConfigFile.NEWEST; other >= 1; other--) {
      if (other != version && isIn(keys.tree(other), full)) {
        problem(
            written,
            "%s belongs to config version %d, this file has version %d; %s",
            written,
            other,
            version,
            otherName(full, other));
        return;
      }
    }
    String fullName = SHORT_PLUGIN_NAMES.get(full.last());
    if (fullName != null && full.parent().equals(Key.of("plugins"))) {
      problem(
          written,
          "unknown key %s: short names belong to config version 1; write %s instead",
          written,
          full.parent().child(fullName));
      return;
    }
    problem(
        written,
        "unknown key %s; %s",
        written,
        NearestKey.hint(keys, version, full, table.names()));
  }

  private static boolean isIn(Node tree, Key key) {
    Node node = tree;
    for (String segment : key.segments()) {
      Optional<Node> child = node.child(segment);
      if (child.isEmpty()) {
        return node.coversAllBelow().isPresent();
      }
      node = child.get();
    }
    return true;
  }

  /** What the key of the other version is called in this one, as a mend. */
  private String otherName(Key full, int other) {
    for (KnownKey key : keys.keys()) {
      boolean same =
          key.inVersion(other) && key.verdict() instanceof KnownKey.Alias && key.matches(full);
      if (same && isIn(keys.tree(version), key.settingFor(full))) {
        return "write " + key.settingFor(full) + " instead";
      }
    }
    return "write version = " + other + " if the whole file is of that version";
  }

  private void problem(Key at, String sentence, Object... args) {
    problems.add(new Problem(path, ConfigFile.line(root, at), sentence.formatted(args)));
  }
}
