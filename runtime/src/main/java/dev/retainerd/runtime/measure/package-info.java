/**
 * Owns what containers and pods use: processor time, memory, disk and network, as the kernel counts
 * them.
 *
 * <p>Must not ask a shim, so that no wedged one holds up whoever watches the node, nor change
 * anything. Read {@link dev.retainerd.runtime.measure.Measures} first.
 */
package dev.retainerd.runtime.measure;
