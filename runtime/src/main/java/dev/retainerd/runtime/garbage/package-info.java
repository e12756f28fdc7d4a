/**
 * Owns the service by which operators see and start the collection of garbage.
 *
 * <p>It must not decide what is garbage: see {@link dev.retainerd.runtime.image.GarbageCollector}.
 * Read {@link dev.retainerd.runtime.garbage.GarbageService} first.
 */
package dev.retainerd.runtime.garbage;
