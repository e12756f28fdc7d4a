/**
 * Owns the figures of the event log and the store, as JMH benchmarks; they stand here because the
 * group commit that some measure is the journal's. No test runs them: see docs/performance.md for
 * how to. They must not be read without the disk's own rate, which {@link
 * dev.retainerd.runtime.figures.DurableAppends} measures in the same run; read that one first.
 */
package dev.retainerd.runtime.figures;
