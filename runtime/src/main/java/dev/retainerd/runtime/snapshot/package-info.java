/**
 * Owns the folders of overlayfs snapshots: their making, what to mount for one, how much disk they
 * take, and their removal.
 *
 * <p>It must not know of keys, names, labels or the journal: a snapshot is a number here, given by
 * the caller, and so are its parents.
 *
 * <p>Read {@link dev.retainerd.runtime.snapshot.OverlayFolders} first.
 */
package dev.retainerd.runtime.snapshot;
