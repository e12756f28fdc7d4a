/**
 * Owns the shim's command line and its start and end as a process. It must not know what calls do.
 * Read {@link dev.retainerd.shim.ShimMain} first.
 */
package dev.retainerd.shim;
