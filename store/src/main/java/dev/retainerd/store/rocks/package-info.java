/**
 * Owns the containerstore: the state on disk, in RocksDB, as the fold made it from durable events.
 *
 * <p>Must not hold anything that the log cannot give again, nor be ahead of it; it is the only
 * package that knows RocksDB. Read {@link dev.retainerd.store.rocks.RocksStore} first, then {@link
 * dev.retainerd.store.rocks.CatchUp}.
 */
package dev.retainerd.store.rocks;
