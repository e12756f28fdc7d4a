package dev.retainerd.bench.scenario;

import dev.retainerd.bench.measure.Interleaving;
import dev.retainerd.bench.measure.Readings;

/**
 * What is measured on one target. The harness calls {@link #prepare} once, {@link #round} many
 * times, {@link #close} once, whatever happened before. For one thread.
 */
public interface Scenario extends Interleaving.Turn, AutoCloseable {
  /** Brings the target to where rounds can begin. */
  default void prepare() throws Exception {}

  /** One round; it leaves nothing behind. */
  @Override
  Readings round(int number) throws Exception;

  /** Undoes what {@link #prepare} did; the node itself is removed by its owner. */
  @Override
  default void close() {}
}
