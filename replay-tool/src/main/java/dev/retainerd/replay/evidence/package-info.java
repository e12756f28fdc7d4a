/**
 * Owns what stands as evidence: evidence files, how they are written, read and checked, and signed
 * checkpoints held against events.
 *
 * <p>Must not print, nor decide which events are wanted. Read {@link
 * dev.retainerd.replay.evidence.EvidenceFile} first; the format stands in docs/evidence-format.md.
 */
package dev.retainerd.replay.evidence;
