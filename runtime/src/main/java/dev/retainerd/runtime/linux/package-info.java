/**
 * Owns the daemon's calls into the Linux kernel that the JDK does not offer, and the parsers of
 * /proc that identify processes and mounts; each failing call says which call, on what, and why.
 *
 * <p>It must not know of pods, images, the journal or gRPC, and no other package of this module may
 * import jffi or jnr: one place loads the native library.
 *
 * <p>Read {@link dev.retainerd.runtime.linux.Libc} first: every wrapper is one line over it.
 */
package dev.retainerd.runtime.linux;
