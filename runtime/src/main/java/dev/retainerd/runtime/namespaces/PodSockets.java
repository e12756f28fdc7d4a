package dev.retainerd.runtime.namespaces;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.StandardProtocolFamily;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Connections to ports inside of a pod's network namespace, as port-forward needs them. Stateless
 * and thread-safe.
 */
public final class PodSockets {
  private static final Duration ENTER_DEADLINE = Duration.ofSeconds(10);

  private PodSockets() {}

  /**
   * Connects to a port on the pod's loopback address: IPv4 first, IPv6 if nobody listens there.
   *
   * @param netns the pinned namespace; an empty path means that of the node
   * @return a blocking channel, to be used from any thread
   * @throws IOException with the reason of the first attempt if both fail
   */
  public static SocketChannel connect(Path netns, int port, Duration deadline) throws IOException {
    try {
      return connect(netns, StandardProtocolFamily.INET, "127.0.0.1", port, deadline);
    } catch (IOException first) {
      try {
        return connect(netns, StandardProtocolFamily.INET6, "::1", port, deadline);
      } catch (IOException second) {
        first.addSuppressed(second);
        throw first;
      }
    }
  }

  private static SocketChannel connect(
      Path netns, ProtocolFamily family, String host, int port, Duration deadline)
      throws IOException {
    // A socket belongs to the namespace it was made in, whoever connects it later.
    SocketChannel channel =
        netns.toString().isEmpty()
            ? SocketChannel.open(family)
            : NamespaceThread.insideNetwork(
                netns, ENTER_DEADLINE, () -> SocketChannel.open(family));
    boolean connected = false;
    try {
      channel.socket().connect(address(host, port), (int) deadline.toMillis());
      connected = true;
      return channel;
    } catch (ConnectException e) {
      throw new IOException("nobody listens on " + host + ":" + port, e);
    } finally {
      if (!connected) {
        channel.close();
      }
    }
  }

  private static InetSocketAddress address(String host, int port) throws UnknownHostException {
    // A literal: nothing is looked up.
    return new InetSocketAddress(InetAddress.getByName(host), port);
  }
}
