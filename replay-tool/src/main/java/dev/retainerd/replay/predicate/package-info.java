/**
 * Owns the small language in which bisect, log and redact are told what to look for.
 *
 * <p>Must not read logs, nor know who asks. Read {@link
 * dev.retainerd.replay.predicate.PredicateParser} first; docs/forensics.md shows it to users.
 */
package dev.retainerd.replay.predicate;
