/**
 * Owns the daemon as a process: its start, its wiring of services to effects, its end.
 *
 * <p>Must not hold a rule of its own about containers: classes here only fit one package's needs to
 * another's means. Read {@link dev.retainerd.runtime.daemon.RetainerdMain} first, then {@link
 * dev.retainerd.runtime.daemon.Daemon}.
 */
package dev.retainerd.runtime.daemon;
