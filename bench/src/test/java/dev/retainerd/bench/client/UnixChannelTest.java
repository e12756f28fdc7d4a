package dev.retainerd.bench.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnixChannelTest {
  @TempDir Path folder;

  /** A daemon may bind under another name, so that nobody sees a socket that is not ready. */
  @Test
  void theListenerIsKnownWhateverNameItBound() throws Exception {
    Path bound = folder.resolve("bound");
    Path socket = folder.resolve("sock");
    assertEquals(OptionalLong.empty(), UnixChannel.listener(socket));
    assertFalse(UnixChannel.listens(socket));
    try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      listener.bind(UnixDomainSocketAddress.of(bound));
      Files.move(bound, socket);
      assertEquals(OptionalLong.of(ProcessHandle.current().pid()), UnixChannel.listener(socket));
      assertTrue(UnixChannel.listens(socket));
    }
    assertTrue(Files.exists(socket));
    assertEquals(OptionalLong.empty(), UnixChannel.listener(socket));
    assertFalse(UnixChannel.listens(socket));
  }
}
