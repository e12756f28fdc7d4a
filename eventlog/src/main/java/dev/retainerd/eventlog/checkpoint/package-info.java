/**
 * Owns checkpoints: signed statements of what the log held at a time, in C2SP's tlog-checkpoint
 * format, so that whoever keeps a copy notices a history that was written anew.
 *
 * <p>Must not write into a log's records, nor reach the network. Read {@link
 * dev.retainerd.eventlog.checkpoint.Checkpoint} first.
 */
package dev.retainerd.eventlog.checkpoint;
