package dev.retainerd.runtime.archive;

/**
 * What was unpacked. Immutable.
 *
 * @param diffId {@code sha256:HEX} of the uncompressed archive
 * @param bytes uncompressed size of the archive
 * @param entries names in it
 */
public record AppliedLayer(String diffId, long bytes, long entries) {}
