/**
 * Owns the scenarios against real parts: a built daemon, runc, CNI plugins and Debian's ctr, each
 * scenario a test. It must not reach into the daemon's classes: what a client can't see is looked
 * up on the node. Read {@link dev.retainerd.runtime.scenario.Node} first.
 */
package dev.retainerd.runtime.scenario;
