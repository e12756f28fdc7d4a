/**
 * Owns the pod network: reading CNI network configurations, executing chains of real CNI plugins
 * within bounds, and listing what plugins left on the node. Source of the semantics: the CNI
 * specification 1.1.0 and, for what a kubelet expects, containerd's behaviour.
 *
 * <p>It must not know of the journal, of the CRI or of how namespaces come to be: a namespace is a
 * path, an attachment is plain data that the caller keeps and brings back.
 *
 * <p>Read {@link dev.retainerd.runtime.network.PodNetworks} first.
 */
package dev.retainerd.runtime.network;
