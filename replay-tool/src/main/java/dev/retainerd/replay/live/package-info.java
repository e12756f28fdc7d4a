/**
 * Owns the way to a running daemon: its history over its socket, for whoever may reach the socket
 * but not the disk.
 *
 * <p>Must not change anything there, nor be loaded by a run that looks at a folder. Read {@link
 * dev.retainerd.replay.live.SocketSource} first.
 */
package dev.retainerd.replay.live;
