/**
 * Owns the containerstore on disk: the folded state in RocksDB, how it is opened in whatever
 * condition, and how it catches up with the log.
 *
 * <p>Must not be asked what an event means (that is {@code dev.retainerd.store.fold}), and no other
 * package may import RocksDB. Read {@link dev.retainerd.store.rocks.CatchUp} first.
 */
package dev.retainerd.store.rocks;
