/**
 * Owns the connection to a runtime's unix socket and the calls that a benchmark makes over it. It
 * must not measure, and must not know which runtime answers. Read {@link
 * dev.retainerd.bench.client.RuntimeClient} first.
 */
package dev.retainerd.bench.client;
