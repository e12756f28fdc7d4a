/**
 * Owns the verbs of retainctl on pods, their containers and images over CRI, in crictl's words.
 *
 * <p>Must not use containerd's API: what is shown here is what kubelet sees. Read {@link
 * dev.retainerd.runtime.ctl.cri.PodVerbs} first.
 */
package dev.retainerd.runtime.ctl.cri;
