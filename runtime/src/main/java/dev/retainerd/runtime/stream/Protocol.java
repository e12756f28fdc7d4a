package dev.retainerd.runtime.stream;

import java.util.List;
import java.util.Optional;

/**
 * A version of the protocol above SPDY or WebSocket, as clients name it.
 *
 * @param name as it stands in the handshake
 * @param hasSizes a stream of terminal sizes
 * @param hasStatus the error stream carries a Status object
 * @param base64 messages are text (WebSocket only)
 * @param hasClose a client can half-close a stream (WebSocket only)
 */
record Protocol(
    String name, boolean hasSizes, boolean hasStatus, boolean base64, boolean hasClose) {
  static final String PORT_FORWARD = "portforward.k8s.io";

  /** Where the client names none. */
  static final Protocol FIRST = new Protocol("channel.k8s.io", false, false, false, false);

  static final List<Protocol> SPDY_COMMAND =
      List.of(
          new Protocol("v4.channel.k8s.io", true, true, false, false),
          new Protocol("v3.channel.k8s.io", true, false, false, false),
          new Protocol("v2.channel.k8s.io", false, false, false, false),
          FIRST);

  static final List<Protocol> SPDY_PORT_FORWARD =
      List.of(new Protocol(PORT_FORWARD, false, false, false, false));

  static final List<Protocol> WEB_SOCKET =
      List.of(
          new Protocol("v5.channel.k8s.io", true, true, false, true),
          new Protocol("v4.channel.k8s.io", true, true, false, false),
          new Protocol("v4.base64.channel.k8s.io", true, true, true, false),
          FIRST,
          new Protocol("base64.channel.k8s.io", false, false, true, false),
          new Protocol(PORT_FORWARD, false, false, false, false));

  /** The first of the client's that is known. */
  static Optional<Protocol> choose(List<String> clients, List<Protocol> known) {
    for (String name : clients) {
      for (Protocol protocol : known) {
        if (protocol.name.equals(name)) {
          return Optional.of(protocol);
        }
      }
    }
    return Optional.empty();
  }
}
