/**
 * Owns containerd's API as gRPC services: each translates messages, checks what the API promises to
 * check, and hands the work to the service behind it or, where a request only changes records, to
 * the journal.
 *
 * <p>It must not touch the node: no mounts, processes or files but those behind the services it is
 * given.
 *
 * <p>Read {@link dev.retainerd.runtime.containerd.ContainersApi} first: the other adapters have its
 * form.
 */
package dev.retainerd.runtime.containerd;
