/**
 * Owns child processes: starting them, the one loop that sees them end, and the calls of the OCI
 * runtime with their deadlines and messages. It must never use the JDK's own processes, whose
 * reaper would steal exit statuses, and it knows nothing of containers' states. Read {@link
 * dev.retainerd.shim.process.Reaper} first.
 */
package dev.retainerd.shim.process;
