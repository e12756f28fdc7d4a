/**
 * Owns rewind's verbs, one class each.
 *
 * <p>Must not read files of a log by itself: that is {@link dev.retainerd.replay.history.History}.
 * Read {@link dev.retainerd.replay.verb.Verb} first.
 */
package dev.retainerd.replay.verb;
