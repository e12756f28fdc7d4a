/**
 * Owns tasks and execs: the processes of containers, from create to delete, over shims, into the
 * journal.
 *
 * <p>Must not know CRI or containerd's API, images or networks. Read {@link
 * dev.retainerd.runtime.task.TaskService} first.
 */
package dev.retainerd.runtime.task;
