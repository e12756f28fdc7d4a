/**
 * Owns images as clients know them: content, snapshots and image records of a namespace, pulling,
 * unpacking and importing; each change is an event, with its effect between intent and outcome.
 *
 * <p>It must not know of pods, containers or any wire protocol: the adapters translate its answers,
 * and the effects below it (content, snapshot, archive, registry) know nothing of namespaces.
 *
 * <p>Read {@link dev.retainerd.runtime.image.ContentService} first, then {@link
 * dev.retainerd.runtime.image.SnapshotService}, then {@link
 * dev.retainerd.runtime.image.ImageService}.
 */
package dev.retainerd.runtime.image;
