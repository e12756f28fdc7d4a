/**
 * Owns how rewind reads a log: opening it, walking through it, points in it, the state at a point.
 *
 * <p>Must not print results nor know any verb. Read {@link dev.retainerd.replay.history.History}
 * first.
 */
package dev.retainerd.replay.history;
