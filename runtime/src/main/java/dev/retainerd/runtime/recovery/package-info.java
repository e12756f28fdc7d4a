/**
 * Owns what happens between a daemon's death and the next one's full service: open intents are
 * closed, and the node is compared with the state.
 *
 * <p>Must not invent outcomes: what cannot be known is recorded as unknown, with the reason. Read
 * {@link dev.retainerd.runtime.recovery.Recovery} first.
 */
package dev.retainerd.runtime.recovery;
