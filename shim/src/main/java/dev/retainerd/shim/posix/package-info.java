/**
 * Owns the shim's calls of the kernel, through jffi, whose small archiveable code keeps a shim's
 * start and memory low; no other package of the shim imports it. It must know nothing of
 * containers, and it names no policy: callers say which flags. Read {@link
 * dev.retainerd.shim.posix.Posix} first.
 */
package dev.retainerd.shim.posix;
