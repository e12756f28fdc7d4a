/**
 * Owns faults: what is done to a runtime under load, and the audit of what it lost by that. It must
 * not excuse anything: a line, an exit status or an acknowledged change that is gone is named. Read
 * {@link dev.retainerd.bench.fault.Trial} first.
 */
package dev.retainerd.bench.fault;
