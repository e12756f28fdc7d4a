/**
 * Owns the verbs of retainctl on images and blobs, and what a client does to import and unpack
 * them.
 *
 * <p>Must not fetch anything from a network by itself. Read {@link
 * dev.retainerd.runtime.ctl.image.ImageVerbs} first, then {@link
 * dev.retainerd.runtime.ctl.image.Importer}.
 */
package dev.retainerd.runtime.ctl.image;
