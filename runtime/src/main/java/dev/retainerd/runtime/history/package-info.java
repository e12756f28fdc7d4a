/**
 * Owns the service through which clients read the node's own history.
 *
 * <p>Must not write events nor hold up who does: it reads with cursors of its own. Read {@link
 * dev.retainerd.runtime.history.HistoryService} first.
 */
package dev.retainerd.runtime.history;
