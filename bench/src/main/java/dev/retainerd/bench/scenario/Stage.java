package dev.retainerd.bench.scenario;

import java.util.List;

/** A part of a run that can be selected by name: which scenarios take turns, and how often. */
public interface Stage {
  /** One word. */
  String name();

  /** What is done, in a line. */
  String title(Sizes sizes);

  /** Counted rounds. */
  default int rounds(Sizes sizes) {
    return sizes.rounds();
  }

  /** Rounds before them. */
  default int warmUp(Sizes sizes) {
    return sizes.warmUp();
  }

  /** What it needs of the targets that can't be had from a socket alone. */
  default boolean needsOwnNodes() {
    return false;
  }

  /** The turns of one run: a scenario for each target, then floors. */
  List<Scenario> turns(Setting setting) throws Exception;
}
