package dev.retainerd.runtime.config;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Reads a config.toml and its drop-ins into a {@link LoadedConfig}.
 *
 * <p>As containerd does: the main file first, then the imports of each file in the order they are
 * written, breadth first, globs sorted by name; a later file wins, key by key. Unlike containerd:
 * an unknown key, a wrong type and a file that imports itself over others are refused, all problems
 * at once, each with its file and line.
 *
 * <p>Stateless; safe for any thread.
 */
public final class ConfigReader {
  private ConfigReader() {}

  /** A file that waits to be read, with the files whose imports led to it. */
  private record Pending(Path path, Set<Path> ancestors) {}

  /** The configuration of a machine that has no file: defaults throughout. */
  public static LoadedConfig defaults() {
    return build(KeyTable.load(), new Settings(), List.of(), new ArrayList<>());
  }

  /**
   * Reads a file and all it imports.
   *
   * @throws ConfigException with every problem found
   */
  public static LoadedConfig read(Path file) {
    KeyTable table = KeyTable.load();
    List<Problem> problems = new ArrayList<>();
    Settings settings = new Settings();
    Map<Path, ConfigFile> read = new LinkedHashMap<>();
    Deque<Pending> pending = new ArrayDeque<>();
    pending.add(new Pending(file.toAbsolutePath().normalize(), Set.of()));
    while (!pending.isEmpty()) {
      Pending next = pending.poll();
      if (read.containsKey(next.path())) {
        continue;
      }
      ConfigFile parsed = ConfigFile.read(next.path(), table, problems);
      read.put(next.path(), parsed);
      settings.add(parsed, next.ancestors());
      pending.addAll(imports(parsed, next, problems));
    }
    return build(table, settings, List.copyOf(read.keySet()), problems);
  }

  private static LoadedConfig build(
      KeyTable table, Settings settings, Collection<Path> files, List<Problem> problems) {
    SettingValues values = new SettingValues(table, settings, problems);
    DaemonConfig config = new DaemonConfigBuilder(values).build();
    if (!problems.isEmpty()) {
      throw new ConfigException(problems);
    }
    return new LoadedConfig(config, table, settings, List.copyOf(files));
  }

  private static List<Pending> imports(ConfigFile file, Pending importer, List<Problem> problems) {
    Set<Path> ancestors = new TreeSet<>(importer.ancestors());
    ancestors.add(file.path());
    List<Pending> found = new ArrayList<>();
    for (ConfigFile.Entry entry : file.entries()) {
      if (!entry.full().equals(Key.of("imports"))) {
        continue;
      }
      for (Object name : (List<?>) entry.value()) {
        Path path = file.path().resolveSibling((String) name).normalize();
        boolean glob = ((String) name).contains("*");
        for (Path match : glob ? matches(path) : List.of(path)) {
          // A glob names a folder, in which the importing file may well stand; a name means it.
          if (ancestors.contains(match) && glob) {
            continue;
          }
          String wrong =
              ancestors.contains(match)
                  ? "imports " + match + ", which imports this file; remove one of the two"
                  : "imports " + match + ", which does not exist; create it or remove the import";
          if (ancestors.contains(match) || !Files.exists(match)) {
            problems.add(new Problem(file.path(), entry.line(), wrong));
          } else {
            found.add(new Pending(match, ancestors));
          }
        }
      }
    }
    return found;
  }

  /** The files that an absolute glob matches, sorted; a star may stand in any of its names. */
  private static List<Path> matches(Path glob) {
    List<Path> reached = List.of(glob.getRoot());
    for (Path name : glob) {
      List<Path> next = new ArrayList<>();
      for (Path folder : reached) {
        if (!name.toString().contains("*")) {
          next.add(folder.resolve(name));
        } else if (Files.isDirectory(folder)) {
          next.addAll(inFolder(folder, name.toString()));
        }
      }
      reached = next;
    }
    return reached.stream().filter(Files::exists).toList();
  }

  private static Collection<Path> inFolder(Path folder, String glob) {
    Set<Path> sorted = new TreeSet<>();
    try (var entries = Files.newDirectoryStream(folder, glob)) {
      entries.forEach(sorted::add);
    } catch (IOException | DirectoryIteratorException e) {
      // As with containerd, a folder that cannot be listed matches nothing.
      return List.of();
    }
    return sorted;
  }
}
