/**
 * Owns the command line of retain-bench. It must not know any class of the daemon, and drives every
 * runtime from outside, through its socket. Read {@link dev.retainerd.bench.BenchMain} first, then
 * {@link dev.retainerd.bench.scenario.Scenario}.
 */
package dev.retainerd.bench;
