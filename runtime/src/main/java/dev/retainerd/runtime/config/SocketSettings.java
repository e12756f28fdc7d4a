package dev.retainerd.runtime.config;

import java.nio.file.Path;

/**
 * The unix socket of the CRI and containerd API.
 *
 * @param address its path, short enough for a socket
 * @param uid owner
 * @param gid group; the socket is open to it if it is not 0
 */
public record SocketSettings(
    Path address, int uid, int gid, int maxReceiveBytes, int maxSendBytes) {}
