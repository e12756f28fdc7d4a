/**
 * Owns containers: their states, what of them is written into their bundles, their ends, and their
 * adoption from a shim that is gone. It must not know the wire protocol's calls, and it publishes
 * through {@link dev.retainerd.shim.container.Announcer} only. Read {@link
 * dev.retainerd.shim.container.Container} first.
 */
package dev.retainerd.shim.container;
