package dev.retainerd.runtime.stream;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Where and how the server listens.
 *
 * @param address a host name or IP address; the loopback address unless an operator says otherwise
 * @param port 0 for any free one
 * @param idleTimeout after which a connection without traffic is closed
 * @param creationTimeout within which a client must have opened all streams of its request
 * @param tls certificate chain and key in PEM; empty for plain text
 */
public record StreamServerOptions(
    String address, int port, Duration idleTimeout, Duration creationTimeout, Optional<Tls> tls) {

  public static final Duration DEFAULT_IDLE_TIMEOUT = Duration.ofHours(4);
  public static final Duration DEFAULT_CREATION_TIMEOUT = Duration.ofSeconds(30);

  /** Two PEM files. */
  public record Tls(Path certificate, Path key) {}

  public static StreamServerOptions loopback() {
    return new StreamServerOptions(
        "127.0.0.1", 0, DEFAULT_IDLE_TIMEOUT, DEFAULT_CREATION_TIMEOUT, Optional.empty());
  }
}
