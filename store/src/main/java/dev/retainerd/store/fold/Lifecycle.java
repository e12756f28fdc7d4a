package dev.retainerd.store.fold;

import dev.retainerd.eventlog.event.EventType;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A transition table: which event leads from which phase to which. The empty Optional stands for
 * "absent", before the first event and after the last. Immutable.
 *
 * @param <P> the phases
 */
public final class Lifecycle<P extends Enum<P>> {
  private final String noun;
  private final Map<EventType, Map<Optional<P>, Optional<P>>> table;

  private Lifecycle(String noun, Map<EventType, Map<Optional<P>, Optional<P>>> table) {
    this.noun = noun;
    this.table = table;
  }

  static <P extends Enum<P>> Builder<P> of(String noun) {
    return new Builder<>(noun);
  }

  /**
   * The phase after {@code type}; empty: gone.
   *
   * @throws IllegalTransitionException where the table has no such row
   */
  public Optional<P> next(String id, Optional<P> from, EventType type) {
    Map<Optional<P>, Optional<P>> rows = table.getOrDefault(type, Map.of());
    Optional<P> to = rows.get(from);
    if (to == null) {
      throw new IllegalTransitionException(
          noun + " " + id, from.map(Lifecycle::readable).orElse("absent"), type);
    }
    return to;
  }

  /** Whether {@code type} may happen in {@code from}. */
  public boolean allows(Optional<P> from, EventType type) {
    return table.getOrDefault(type, Map.of()).containsKey(from);
  }

  /** The whole table, for documentation and tests. */
  public Map<EventType, Map<Optional<P>, Optional<P>>> table() {
    return table;
  }

  /** SANDBOX_PHASE_READY reads as READY. */
  private static String readable(Enum<?> phase) {
    int at = phase.name().indexOf("_PHASE_");
    return at < 0 ? phase.name() : phase.name().substring(at + 7);
  }

  /** Collects rows. */
  static final class Builder<P extends Enum<P>> {
    private final String noun;
    private final Map<EventType, Map<Optional<P>, Optional<P>>> table =
        new EnumMap<>(EventType.class);

    private Builder(String noun) {
      this.noun = noun;
    }

    /** {@code type} brings it into being. */
    Builder<P> begins(EventType type, P to) {
      return row(type, Optional.empty(), Optional.of(to));
    }

    /** {@code type} leads from any of {@code froms} to {@code to}. */
    @SafeVarargs
    final Builder<P> moves(EventType type, P to, P... froms) {
      Arrays.stream(froms).forEach(from -> row(type, Optional.of(from), Optional.of(to)));
      return this;
    }

    /** {@code type} may happen in any of {@code phases} and leaves the phase as it is. */
    @SafeVarargs
    final Builder<P> stays(EventType type, P... phases) {
      Arrays.stream(phases).forEach(phase -> row(type, Optional.of(phase), Optional.of(phase)));
      return this;
    }

    /** {@code type} ends it. */
    @SafeVarargs
    final Builder<P> ends(EventType type, P... froms) {
      Arrays.stream(froms).forEach(from -> row(type, Optional.of(from), Optional.empty()));
      return this;
    }

    private Builder<P> row(EventType type, Optional<P> from, Optional<P> to) {
      Optional<P> before = table.computeIfAbsent(type, t -> new LinkedHashMap<>()).put(from, to);
      if (before != null) {
        throw new IllegalStateException(noun + ": two rows for " + type + " from " + from);
      }
      return this;
    }

    Lifecycle<P> build() {
      return new Lifecycle<>(noun, Map.copyOf(table));
    }
  }
}
