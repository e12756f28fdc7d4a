/**
 * Owns what is kept of the node's history: when the state is written to a snapshot, and which old
 * files of the event log are archived or go.
 *
 * <p>Must not touch the files themselves: how that is done safely belongs to {@code
 * dev.retainerd.eventlog}, and snapshots to {@code dev.retainerd.store.snapshot}. Read {@link
 * dev.retainerd.runtime.retention.RetentionPlan} first, which decides, then {@link
 * dev.retainerd.runtime.retention.LogKeeper}, which does.
 */
package dev.retainerd.runtime.retention;
