/**
 * Owns pods: their namespaces, folder, network and pause process, from run to removal, into the
 * journal.
 *
 * <p>Must not know how CNI or namespaces work (it is given {@link
 * dev.retainerd.runtime.sandbox.PodNetwork} and {@link
 * dev.retainerd.runtime.sandbox.PodNamespaces}) nor answer gRPC. Read {@link
 * dev.retainerd.runtime.sandbox.SandboxService} first.
 */
package dev.retainerd.runtime.sandbox;
