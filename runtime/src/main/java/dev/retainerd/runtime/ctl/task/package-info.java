/**
 * Owns the verbs of retainctl on processes: run, tasks and execs, their stdio, and the terminal.
 *
 * <p>Must not decide what a container is allowed beyond its flags: that stands in {@link
 * dev.retainerd.runtime.ctl.task.SpecFlags}. Read {@link dev.retainerd.runtime.ctl.task.RunVerb}
 * first, then {@link dev.retainerd.runtime.ctl.task.Stdio}.
 */
package dev.retainerd.runtime.ctl.task;
