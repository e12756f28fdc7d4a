package dev.retainerd.runtime.history;

import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.checkpoint.CheckpointKeeper;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.history.v1.CheckpointsPart;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Hands one client the signed checkpoints that lie beside a log. Runs on one thread. */
final class SignedNotes {
  private static final Logger LOGGER = LoggerFactory.getLogger(SignedNotes.class);
  private static final int PART_BYTES = 256 << 10;

  private final Path folder;
  private final Outlet<CheckpointsPart> outlet;

  SignedNotes(Path folder, Outlet<CheckpointsPart> outlet) {
    this.folder = folder;
    this.outlet = outlet;
  }

  void run() {
    try {
      Path notes = folder.resolve(CheckpointKeeper.FILE);
      if (Files.exists(notes)) {
        send(notes);
      }
      outlet.complete();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      outlet.fail(Refusal.unavailable("the daemon is stopping"));
    } catch (IOException e) {
      LOGGER.error("the checkpoints of the log cannot be read", e);
      outlet.fail(Refusal.internal("the checkpoints of the log cannot be read"));
    }
  }

  private void send(Path notes) throws IOException, InterruptedException {
    Path key = folder.resolve(CheckpointKeeper.KEY_FILE);
    CheckpointsPart.Builder part =
        CheckpointsPart.newBuilder()
            .setKey(Files.exists(key) ? Files.readString(key, StandardCharsets.UTF_8) : "");
    // Not through a channel, which an interrupt would close.
    try (InputStream in = new FileInputStream(notes.toFile())) {
      byte[] bytes = in.readNBytes(PART_BYTES);
      do {
        outlet.put(part.setNotes(ByteString.copyFrom(bytes)).build());
        part.clear();
        bytes = in.readNBytes(PART_BYTES);
      } while (bytes.length > 0 && !outlet.gone());
    }
  }
}
