/**
 * Owns the events: one record per state transition, their numbers in the log, and how they are
 * decoded.
 *
 * <p>Must not know how events are stored, folded or acted upon. Read {@link
 * dev.retainerd.eventlog.event.Event} first; the payloads stand in {@code eventlog/src/main/proto}.
 */
package dev.retainerd.eventlog.event;
