/**
 * Owns checkpoints: of a task into content or a folder, as containerd's clients ask for them; of a
 * container into an archive and of a pod into a folder, as CRI does; and what tasks, containers and
 * pods are restored from.
 *
 * <p>It must not know how an OCI runtime is called: the shim's calls lie in the task package.
 *
 * <p>Read {@link dev.retainerd.runtime.checkpoint.TaskCheckpoints} first; for pods, {@link
 * dev.retainerd.runtime.checkpoint.ConsistentCut}.
 */
package dev.retainerd.runtime.checkpoint;
