package dev.retainerd.store.fold;

/**
 * What the fold needs to know of an envelope beside its event.
 *
 * @param sequence position in the log, from 1
 * @param bootId the kernel's boot id when it was written
 * @param wallNanos wall time, nanoseconds since the epoch
 * @param namespace containerd's namespace; "" for node-wide events
 */
public record EventHeader(long sequence, String bootId, long wallNanos, String namespace) {}
