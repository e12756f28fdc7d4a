/**
 * Owns what every verb of retainctl shares: the session with a daemon, tables, JSON, refusals in
 * one sentence.
 *
 * <p>Must not know any verb. Read {@link dev.retainerd.runtime.ctl.command.Session} first.
 */
package dev.retainerd.runtime.ctl.command;
