package dev.retainerd.runtime.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What the files say, merged: for each setting every place that sets it, the winner last.
 *
 * <p>Filled by {@link ConfigReader} and only read from then on.
 */
final class Settings {
  private static final Set<String> PLUGIN_TABLES = Set.of("plugins", "retain");

  private final Map<Key, List<Occurrence>> occurrences = new LinkedHashMap<>();
  private final Set<Key> warned = new LinkedHashSet<>();
  private final List<Problem> warnings = new ArrayList<>();

  /** One place that gives a setting a value: a string, long, double, boolean or list. */
  record Occurrence(Key written, Object value, Path file, int line) {
    /** {@code file:line}. */
    String place() {
      return file + ":" + line;
    }
  }

  /**
   * Adds a file whose values win over all that were added before.
   *
   * @param importers the files whose imports led to it: overriding those is what it is for
   */
  void add(ConfigFile file, Set<Path> importers) {
    for (ConfigFile.Entry entry : file.entries()) {
      switch (entry.known().verdict()) {
        case KnownKey.Honour _ -> set(entry, file.path(), importers);
        case KnownKey.Alias _ -> {
          // containerd prints the singular bin_dir as "" beside bin_dirs: that sets nothing.
          if (!entry.value().equals("")) {
            set(entry, file.path(), importers);
          }
        }
        case KnownKey.Ignore ignore -> {
          if (warned.add(entry.full())) {
            String sentence =
                "%s has no meaning here: %s".formatted(entry.written(), ignore.reason());
            warnings.add(new Problem(file.path(), entry.line(), sentence));
          }
        }
      }
    }
  }

  private void set(ConfigFile.Entry entry, Path file, Set<Path> importers) {
    Object value = entry.value();
    Key setting = entry.known().settingFor(entry.full());
    List<Occurrence> places = occurrences.computeIfAbsent(setting, _ -> new ArrayList<>());
    boolean plugin = PLUGIN_TABLES.contains(setting.segments().getFirst());
    // As in containerd, a later file cannot empty what an earlier one set, but for plugins' keys.
    if (places.isEmpty() || plugin || !isZero(value)) {
      Occurrence place = new Occurrence(entry.written(), value, file, entry.line());
      places.stream()
          .filter(earlier -> !importers.contains(earlier.file()))
          .filter(earlier -> disagree(earlier, place))
          .findFirst()
          .ifPresent(earlier -> warn(disagreement(setting, earlier, place)));
      places.add(place);
    }
  }

  /** Whether two drop-ins, neither of which imports the other, set different values. */
  private static boolean disagree(Occurrence earlier, Occurrence later) {
    // The version is each file's own.
    return !later.written().equals(Key.of("version"))
        && !earlier.file().equals(later.file())
        && !earlier.value().equals(later.value())
        && !(later.value() instanceof List<?>);
  }

  private static Problem disagreement(Key setting, Occurrence earlier, Occurrence later) {
    String sentence =
        "%s is %s here and %s in %s; the later file wins, so set it in one of them alone"
            .formatted(
                setting,
                TomlWriter.literal(later.value()),
                TomlWriter.literal(earlier.value()),
                earlier.place());
    return new Problem(later.file(), later.line(), sentence);
  }

  private static boolean isZero(Object value) {
    return value.equals("") || value.equals(0L) || value.equals(false) || value.equals(List.of());
  }

  /** Adds a warning that is not about a key without meaning. */
  void warn(Problem warning) {
    warnings.add(warning);
  }

  /** The place that wins; none where the setting has its default. */
  Optional<Occurrence> winner(Key setting) {
    return places(setting).isEmpty() ? Optional.empty() : Optional.of(places(setting).getLast());
  }

  /** All places that set it, the winner last. */
  List<Occurrence> places(Key setting) {
    return Collections.unmodifiableList(occurrences.getOrDefault(setting, List.of()));
  }

  /** The settings that begin with this prefix and are set somewhere. */
  List<Key> below(Key prefix) {
    return occurrences.keySet().stream().filter(key -> key.startsWith(prefix)).toList();
  }

  List<Problem> warnings() {
    return List.copyOf(warnings);
  }
}
