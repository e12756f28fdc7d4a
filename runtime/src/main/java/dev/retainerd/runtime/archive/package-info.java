/**
 * Owns the reading of tar archives and the unpacking of image layers onto a folder, against every
 * trick an archive can play.
 *
 * <p>It must not know of images, blobs or snapshots: it gets a stream and a folder, and says what
 * the stream's uncompressed digest was.
 *
 * <p>Read {@link dev.retainerd.runtime.archive.LayerApplier} first.
 */
package dev.retainerd.runtime.archive;
