package dev.retainerd.bench.scenario;

import dev.retainerd.bench.measure.Interleaving;
import java.util.Map;

/**
 * What is measured on one target. The harness calls {@link #prepare} once, {@link #round} many
 * times, {@link #close} once, whatever happened before. For one thread.
 */
public interface Scenario extends Interleaving.Turn, AutoCloseable {
  /** Brings the target to where rounds can begin. */
  void prepare() throws Exception;

  /** One round; it leaves nothing behind. Phase to nanoseconds. */
  @Override
  Map<String, Long> round(int number) throws Exception;

  /** Undoes what {@link #prepare} did; the node itself is removed by its owner. */
  @Override
  void close();
}
