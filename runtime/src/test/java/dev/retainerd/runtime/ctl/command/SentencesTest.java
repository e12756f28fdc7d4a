package dev.retainerd.runtime.ctl.command;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.grpc.Status;
import java.net.ConnectException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SentencesTest {
  @TempDir Path folder;

  private static String sentence(Status status, Path socket) {
    return Sentences.of(status.asRuntimeException(), socket);
  }

  /** A registry that refuses the daemon's connection is not a daemon that is away. */
  @Test
  void whatTheDaemonSaysOfItsOwnConnectionsIsNotTakenForOurs() {
    String said = "registry localhost:1 cannot be reached: Connection refused; is it running?";
    assertEquals(said, sentence(Status.UNAVAILABLE.withDescription(said), folder));
  }

  @Test
  void aDaemonThatIsAwayIsNamedWithItsSocket() throws Exception {
    Path socket = folder.resolve("sock");
    Status refused =
        Status.UNAVAILABLE
            .withDescription("io exception")
            .withCause(new ConnectException("Connection refused"));
    assertEquals(
        "no daemon is there: the socket "
            + socket
            + " does not exist: start retainerd, or name its socket with --address",
        sentence(refused, socket));
    Files.createFile(socket);
    for (Status away :
        new Status[] {
          refused, Status.UNAVAILABLE.withDescription("Network closed for unknown reason")
        }) {
      assertEquals(
          "no daemon answers on the socket "
              + socket
              + ": start retainerd, or name its socket with --address",
          sentence(away, socket));
    }
  }
}
