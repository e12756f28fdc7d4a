/**
 * Owns the index: which events are about which thing, in files apart from the log, so that one
 * thing's life is found without a look at all events.
 *
 * <p>Must not be trusted: every event that it leads to is read from the log and checked, and an
 * index that does not fit its log is not used. Read {@link
 * dev.retainerd.replay.index.SegmentedIndex} first.
 */
package dev.retainerd.replay.index;
