/**
 * Owns what runs of the sandboxes that clients of containerd's API make: groups of containers that
 * share a shim. CRI's pods are no such groups.
 *
 * <p>Must not know containerd's messages, images or networks. Read {@link
 * dev.retainerd.runtime.group.GroupService} first.
 */
package dev.retainerd.runtime.group;
