/**
 * Owns the runtimes that are measured: starting one in a folder of its own, finding its processes,
 * and removing every trace of it. It must not know what is measured. Read {@link
 * dev.retainerd.bench.node.Node} first.
 */
package dev.retainerd.bench.node;
