/**
 * Owns the way from a decision to durable state: the journal, the locks that keep operations on one
 * thing apart, and the failpoints at effect boundaries.
 *
 * <p>Must not know what a sandbox or a task is: services decide and act, the engine makes it last.
 * Read {@link dev.retainerd.runtime.engine.Journal} first.
 */
package dev.retainerd.runtime.engine;
