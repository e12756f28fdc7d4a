/**
 * Owns the files of a log as they lie on disk: layout, small text files, records, and reading all
 * of it without writing a byte.
 *
 * <p>Must not import Chronicle: reading has to go on where a queue's own index or metadata is
 * damaged. Read {@link dev.retainerd.eventlog.files.LogFolder} first, then {@link
 * dev.retainerd.eventlog.files.RecordScanner}.
 */
package dev.retainerd.eventlog.files;
