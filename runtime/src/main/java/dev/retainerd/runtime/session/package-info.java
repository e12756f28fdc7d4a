/**
 * Owns what runs behind Exec, ExecSync, Attach and PortForward: a process's FIFOs, the copies
 * between them and a client, and how such a session ends.
 *
 * <p>Must not know HTTP, SPDY or CRI's messages: it gets plain streams, and calls the services of
 * tasks and execs for everything that changes state. Read {@link
 * dev.retainerd.runtime.session.CommandRuns} first.
 */
package dev.retainerd.runtime.session;
