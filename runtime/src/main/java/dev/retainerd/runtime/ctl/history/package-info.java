/**
 * Owns the verbs of retainctl on the node's history: events and explain.
 *
 * <p>Must not open the log itself: it asks the daemon; rewind reads logs. Read {@link
 * dev.retainerd.runtime.ctl.history.EventsVerb} first.
 */
package dev.retainerd.runtime.ctl.history;
