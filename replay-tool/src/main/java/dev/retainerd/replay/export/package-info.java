/**
 * Owns the formats that a history can be exported to, one class each.
 *
 * <p>Must not read the log by itself nor hold more of it than a format needs. Read {@link
 * dev.retainerd.replay.export.Format} first.
 */
package dev.retainerd.replay.export;
