/**
 * Owns the shape of the node's state: kinds of things, their keys, entries in memory, and views on
 * them.
 *
 * <p>Must not decide what an event means (that is {@code dev.retainerd.store.fold}) nor do input or
 * output. Read {@link dev.retainerd.store.state.Kind} first, then {@link
 * dev.retainerd.store.state.NodeState}.
 */
package dev.retainerd.store.state;
