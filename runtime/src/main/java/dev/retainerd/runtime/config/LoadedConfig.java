package dev.retainerd.runtime.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A checked configuration with where it came from.
 *
 * <p>Immutable; safe for any thread.
 */
public final class LoadedConfig {
  private final DaemonConfig config;
  private final KeyTable table;
  private final Settings settings;
  private final List<Path> files;

  /**
   * One line of {@code retainerd config explain}.
   *
   * @param key the setting as it is called in a file of version 3
   * @param value as TOML
   * @param from {@code default}, or {@code file:line}, and what that overrides
   */
  public record Explained(String key, String value, String from) {}

  LoadedConfig(DaemonConfig config, KeyTable table, Settings settings, List<Path> files) {
    this.config = config;
    this.table = table;
    this.settings = settings;
    this.files = files;
  }

  public DaemonConfig config() {
    return config;
  }

  /** One for each key that was accepted without meaning here, and for what is likely a slip. */
  public List<Problem> warnings() {
    return settings.warnings();
  }

  /** All files that were read, in order. */
  public List<Path> files() {
    return files;
  }

  /** Every setting with its value and its provenance. */
  public List<Explained> explain() {
    List<Explained> lines = new ArrayList<>();
    for (KnownKey known : table.honoured()) {
      for (Key key : keysOf(known)) {
        if (counts(key)) {
          lines.add(explain(known, key));
        }
      }
    }
    for (Key key : settings.below(SettingNames.COMPAT)) {
      lines.add(explained(key, settings.places(key)));
    }
    return lines;
  }

  /** Not the settings of a runtime that is none, such as containerd's empty default_runtime. */
  private boolean counts(Key key) {
    int name = SettingNames.RUNTIMES.segments().size();
    return !key.startsWith(SettingNames.RUNTIMES)
        || config.runtimes().containsKey(key.segments().get(name));
  }

  /** The effective configuration as a file of version 3; read again it gives the same. */
  public String toToml() {
    return TomlWriter.dump(config);
  }

  private List<Key> keysOf(KnownKey known) {
    List<String> segments = known.pattern().segments();
    int star = segments.indexOf(segments.contains("*") ? "*" : "**");
    if (star < 0) {
      return List.of(known.pattern());
    }
    return settings.below(new Key(segments.subList(0, star))).stream()
        .filter(key -> known.matches(key))
        .toList();
  }

  private Explained explain(KnownKey known, Key key) {
    List<Settings.Occurrence> places = settings.places(key);
    boolean empty = !places.isEmpty() && places.getLast().value().equals("");
    if (!places.isEmpty() && !empty) {
      return explained(key, places);
    }
    String derived =
        switch (key.toString()) {
          case "grpc.address" -> TomlWriter.literal(config.socket().address().toString());
          default -> SettingValues.defaultOf(known).map(TomlWriter::literal).orElse("");
        };
    String from = empty ? "default, left empty by " + places.getLast().place() : "default";
    return new Explained(key.toString(), derived, from);
  }

  private static Explained explained(Key key, List<Settings.Occurrence> places) {
    Settings.Occurrence winner = places.getLast();
    String others =
        places.subList(0, places.size() - 1).reversed().stream()
            .map(place -> TomlWriter.literal(place.value()) + " of " + place.place())
            .collect(Collectors.joining(", "));
    String name = winner.written().equals(key) ? "" : " (" + winner.written() + ")";
    String from = winner.place() + name + (others.isEmpty() ? "" : ", overrides " + others);
    return new Explained(key.toString(), TomlWriter.literal(winner.value()), from);
  }
}
