package dev.retainerd.runtime.snapshot;

/**
 * What a snapshot takes of the disk, without its parents.
 *
 * @param bytes as du counts: blocks, files with several names once
 */
public record Usage(long bytes, long inodes) {}
