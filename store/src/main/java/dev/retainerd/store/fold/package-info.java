/**
 * Owns what events mean: the one fold, and the lifecycles as transition tables.
 *
 * <p>Must not read a clock, do input or output, or hold state: the live daemon, recovery, rewind
 * and tests all get the same state from the same events. Read {@link
 * dev.retainerd.store.fold.Lifecycles} first, then {@link dev.retainerd.store.fold.Fold}.
 */
package dev.retainerd.store.fold;
