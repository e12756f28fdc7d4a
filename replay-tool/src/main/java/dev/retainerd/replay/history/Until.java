package dev.retainerd.replay.history;

/**
 * A point, and the event that it comes down to.
 *
 * @param point as it was asked for
 * @param sequence the last event that it covers, as far as there are any
 * @param again whether it is a moment that a clock which was set back lived through more than once:
 *     then the event is of the first time
 */
record Until(Point point, long sequence, boolean again) {}
