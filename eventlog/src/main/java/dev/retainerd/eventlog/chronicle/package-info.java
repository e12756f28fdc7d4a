/**
 * Owns the writing of the log with Chronicle Queue, and the opening of a log for writing.
 *
 * <p>No other package may import Chronicle, and nothing here reads events through it: reading is
 * done by {@code dev.retainerd.eventlog.files}. Read {@link
 * dev.retainerd.eventlog.chronicle.ChronicleEventLog} first.
 */
package dev.retainerd.eventlog.chronicle;
