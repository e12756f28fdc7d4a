/**
 * Owns the verbs of retainctl on records: namespaces, containers, content, snapshots, leases.
 *
 * <p>Must not start processes nor touch the node: it asks the daemon. Read {@link
 * dev.retainerd.runtime.ctl.record.ContainerVerbs} first.
 */
package dev.retainerd.runtime.ctl.record;
