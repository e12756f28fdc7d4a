/**
 * Owns how a shim is spoken to: ttrpc frames, its server and client, the names of the services, and
 * typed clients for containerd's task service and our own. It must know nothing of containers,
 * processes or files, because the daemon uses it too. Read {@link
 * dev.retainerd.shim.protocol.TtrpcClient} first.
 */
package dev.retainerd.shim.protocol;
