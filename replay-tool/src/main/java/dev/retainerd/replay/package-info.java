/**
 * Owns rewind's entry: which verbs there are, and how failures are told.
 *
 * <p>Must not write into the folder of a log, ever. Read {@link dev.retainerd.replay.RewindMain}
 * first.
 */
package dev.retainerd.replay;
