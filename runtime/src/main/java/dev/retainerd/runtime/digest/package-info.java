/**
 * Owns the choice of who computes sha256: every byte of an image is hashed twice, once as it comes
 * and once as it is unpacked.
 *
 * <p>It must not know what is hashed. Read {@link dev.retainerd.runtime.digest.Sha256} first.
 */
package dev.retainerd.runtime.digest;
