/**
 * Owns the cgroups around containers: which hierarchies the node has, where in them we are
 * ourselves, the cgroup of a pod with its limits, its removal, and lists for comparison with what
 * should be there.
 *
 * <p>It must not make the cgroups of containers, which the OCI runtime does, and must not know of
 * the journal or the CRI; each effect is idempotent.
 *
 * <p>Read {@link dev.retainerd.runtime.cgroup.Cgroups} first. Source of the semantics: the kernel's
 * cgroup-v1 and cgroup-v2 documents, and the OCI runtime specification for the limits.
 */
package dev.retainerd.runtime.cgroup;
