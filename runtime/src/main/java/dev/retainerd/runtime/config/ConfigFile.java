package dev.retainerd.runtime.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
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
  static final int NEWEST = 3;

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
    List<Entry> found = KeyWalk.entries(path, version, toml, table, problems);
    return new ConfigFile(path, version, found);
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

  /** The line of a key; 0 where the parser gives none. */
  static int line(TomlTable toml, Key key) {
    TomlPosition position = toml.inputPositionOf(key.segments());
    return position == null ? 0 : position.line();
  }
}
