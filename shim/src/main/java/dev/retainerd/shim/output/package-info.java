/**
 * Owns the way of a process's output from its FIFO or terminal to where it belongs, without a
 * window in which the death of this process loses a byte, and the way of its input. It must know
 * nothing of containers or of who asks. Read {@link dev.retainerd.shim.output.CriLog} first.
 */
package dev.retainerd.shim.output;
