package dev.retainerd.runtime.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * The server of exec, attach and port-forward.
 *
 * @param address a host name or IP address
 * @param port 0 for any free one
 * @param idleTimeout after which an idle stream is closed
 * @param tls served over TLS; without certificate and key, with one the daemon signs itself
 */
public record StreamServerSettings(
    String address,
    int port,
    Duration idleTimeout,
    boolean tls,
    Optional<Path> certificate,
    Optional<Path> key) {}
