/**
 * Owns the choice of a source by what the operator names: a folder, an evidence file, a live
 * daemon's socket.
 *
 * <p>Must not know any verb. Read {@link dev.retainerd.replay.source.Sources} first.
 */
package dev.retainerd.replay.source;
