/**
 * Owns retainctl's entry: which nouns and verbs there are, global options, exit codes.
 *
 * <p>Must not do any verb's work; each noun has a package of its own below. Read {@link
 * dev.retainerd.runtime.ctl.RetainctlMain} first.
 */
package dev.retainerd.runtime.ctl;
