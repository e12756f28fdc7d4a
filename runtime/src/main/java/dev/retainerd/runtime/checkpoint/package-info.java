/**
 * Owns checkpoints: of a task into content or a folder, as containerd's clients ask for them, and
 * of a container into an archive, as CRI does; and what a task is restored from.
 *
 * <p>It must not know how an OCI runtime is called: the shim's calls lie in the task package.
 *
 * <p>Read {@link dev.retainerd.runtime.checkpoint.TaskCheckpoints} first.
 */
package dev.retainerd.runtime.checkpoint;
