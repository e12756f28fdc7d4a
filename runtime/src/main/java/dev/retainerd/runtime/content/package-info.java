/**
 * Owns the blobs on disk: content addressed by its sha256, and the ingests that become blobs.
 *
 * <p>It must not know of namespaces, labels, references between blobs or the journal: a blob is
 * there or it is not, and never half-made.
 *
 * <p>Read {@link dev.retainerd.runtime.content.ContentStore} first.
 */
package dev.retainerd.runtime.content;
