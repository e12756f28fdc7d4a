/**
 * Owns the event log as others see it: the envelope and its bytes, the hash chain, appending, and
 * readers with a cursor of their own.
 *
 * <p>Must not know what events mean, nor how a log is kept on disk (that is {@code
 * dev.retainerd.eventlog.chronicle}). Read {@link dev.retainerd.eventlog.EventLog} first, then
 * {@link dev.retainerd.eventlog.EnvelopeCodec}; the bytes are drawn in docs/event-format.md.
 */
package dev.retainerd.eventlog;
