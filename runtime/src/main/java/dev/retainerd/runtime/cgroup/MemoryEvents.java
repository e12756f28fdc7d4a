package dev.retainerd.runtime.cgroup;

/**
 * What happened to a cgroup's memory since it was made.
 *
 * @param oomKills processes that the kernel killed for lack of memory, children's included where
 *     the kernel counts them
 * @param underOom whether it is short of memory right now; always false on version 2
 */
public record MemoryEvents(long oomKills, boolean underOom) {}
