package dev.retainerd.runtime.config;

import dev.retainerd.runtime.config.KeyTable.Node;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tomlj.Toml;
import org.tomlj.TomlParseError;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

/**
 * One TOML file, checked against the keys of its version; not yet merged with others.
 *
 * @param version 1, 2 or 3; a file without one is of version 1
 * @param entries every key with its value, in the order of the file
 */
record ConfigFile(Path path, int version, List<Entry> entries) {
  private static final int NEWEST = 3;
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

  /**
   * A key that was found.
   *
   * @param written as it stands in the file
   * @param full the same with a short plugin name spelled out
   * @param line from 1; 0 where the parser gives none
   */
  record Entry(Key written, Key full, KnownKey known, Object value, int line) {}

  ConfigFile {
    entries = List.copyOf(entries);
  }

  /** Reads a file; what is wrong with it is added to {@code problems}. */
  static ConfigFile read(Path path, KeyTable table, List<Problem> problems) {
    TomlParseResult toml;
    try {
      toml = Toml.parse(Files.readString(path));
    } catch (NoSuchFileException e) {
      problems.add(new Problem(path, 0, "there is no such file; create it or name another"));
      return new ConfigFile(path, NEWEST, List.of());
    } catch (IOException e) {
      problems.add(new Problem(path, 0, "cannot be read: " + e));
      return new ConfigFile(path, NEWEST, List.of());
    }
    if (toml.hasErrors()) {
      for (TomlParseError error : toml.errors()) {
        problems.add(
            new Problem(path, error.position().line(), "is no TOML: " + error.getMessage()));
      }
      return new ConfigFile(path, NEWEST, List.of());
    }
    int before = problems.size();
    int version = version(path, toml, problems);
    if (problems.size() > before) {
      return new ConfigFile(path, NEWEST, List.of());
    }
    Walk walk = new Walk(path, version, toml, table, problems, new ArrayList<>());
    walk.table(toml, table.tree(version), new Key(List.of()), new Key(List.of()));
    return new ConfigFile(path, version, walk.found);
  }

  private static int version(Path path, TomlTable toml, List<Problem> problems) {
    Object version = toml.get(List.of("version"));
    int line = line(toml, Key.of("version"));
    return switch (version) {
      case null -> 1;
      case Long number when number >= 0 && number <= NEWEST -> Math.max(1, number.intValue());
      case Long number -> {
        String sentence =
            "config version %d is not supported; write the file for version 3, 2 or 1"
                .formatted(number);
        problems.add(new Problem(path, line, sentence));
        yield 0;
      }
      default -> {
        String sentence =
            "version takes an integer, not %s; write version = 3"
                .formatted(ValueType.wordsFor(ValueType.plain(version)));
        problems.add(new Problem(path, line, sentence));
        yield 0;
      }
    };
  }

  private static int line(TomlTable toml, Key key) {
    TomlPosition position = toml.inputPositionOf(key.segments());
    return position == null ? 0 : position.line();
  }

  /** The way through one file. */
  private record Walk(
      Path path,
      int version,
      TomlTable root,
      KeyTable keys,
      List<Problem> problems,
      List<Entry> found) {

    void table(TomlTable table, Node node, Key written, Key full) {
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
      found.add(new Entry(written, full, leaf.get(), plain, line(root, written)));
    }

    private void covered(Object value, KnownKey known, Key written, Key full) {
      if (value instanceof TomlTable table && !table.isEmpty()) {
        for (String name : table.keySet()) {
          covered(table.get(List.of(name)), known, written.child(name), full.child(name));
        }
      } else if (!(value instanceof TomlTable)) {
        found.add(new Entry(written, full, known, ValueType.plain(value), line(root, written)));
      }
    }

    private void unknown(Key written, Key full, Node table) {
      for (int other = NEWEST; other >= 1; other--) {
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
      String hint =
          NearestKey.hint(keys, version, full, table.names())
              .orElse("remove it, or see retainerd config default for all keys");
      problem(written, "unknown key %s; %s", written, hint);
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
      problems.add(new Problem(path, line(root, at), sentence.formatted(args)));
    }
  }
}
