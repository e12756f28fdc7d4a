package dev.retainerd.replay.source;

import dev.retainerd.replay.evidence.EvidenceSource;
import dev.retainerd.replay.history.EventSource;
import dev.retainerd.replay.history.FolderSource;
import dev.retainerd.replay.live.SocketSource;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens what an operator names. */
public final class Sources {
  private static final String SOCKET = "unix:";

  private Sources() {}

  /**
   * The source of that name: {@code unix:SOCKET}, a folder, or an evidence file.
   *
   * @throws dev.retainerd.replay.history.LookFailure where it is none of them
   */
  public static EventSource open(String name) {
    if (name.startsWith(SOCKET)) {
      return SocketSource.open(Path.of(name.substring(SOCKET.length()).replaceFirst("^//", "")));
    }
    Path path = Path.of(name);
    return Files.isRegularFile(path) ? EvidenceSource.open(path) : FolderSource.open(path);
  }
}
