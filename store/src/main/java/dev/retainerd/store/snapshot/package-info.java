/**
 * Owns snapshots of the node's state: files beside the log from which a fold can begin instead of
 * at the first event.
 *
 * <p>Must not know where a state is kept in the meantime (RocksDB, memory), nor when a snapshot is
 * due. Read {@link dev.retainerd.store.snapshot.SnapshotFolder} first; the bytes are described in
 * docs/event-format.md.
 */
package dev.retainerd.store.snapshot;
