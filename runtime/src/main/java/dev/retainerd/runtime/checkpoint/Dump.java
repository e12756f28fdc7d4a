package dev.retainerd.runtime.checkpoint;

import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.task.Checkpointing;
import dev.retainerd.wire.containerd.runc.v1.CheckpointOptions;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** Has CRIU write the images of a task, and says in one sentence why it could not. */
final class Dump {
  private static final int LOG_BYTES_READ = 256 * 1024;

  private final Checkpointing checkpointing;

  Dump(Checkpointing checkpointing) {
    this.checkpointing = checkpointing;
  }

  /**
   * Writes them.
   *
   * @param logs where CRIU logs, unless the options say otherwise
   * @throws Refusal FAILED_PRECONDITION where the runtime or CRIU is not able to
   */
  void write(
      String namespace,
      String id,
      Path images,
      Path logs,
      CheckpointOptions options,
      Duration patience) {
    CheckpointOptions.Builder full = options.toBuilder().setImagePath(images.toString());
    if (options.getWorkPath().isEmpty()) {
      full.setWorkPath(logs.toString());
    }
    Opaque told =
        Opaque.newBuilder()
            .setTypeUrl(full.getDescriptorForType().getFullName())
            .setValue(full.build().toByteString())
            .build();
    try {
      checkpointing.dump(namespace, id, images, told, patience);
    } catch (Refusal e) {
      if (!e.is(Refusal.Code.INTERNAL) && !e.sentence().contains("criu")) {
        throw e;
      }
      throw refused(id, e, Path.of(full.getWorkPath()));
    }
  }

  private static Refusal refused(String id, Refusal why, Path logs) {
    String said = why.sentence().lines().findFirst().orElse("").strip();
    String start = "container " + id + " cannot be checkpointed on this node";
    if (!said.contains("criu")) {
      return Refusal.failedPrecondition(start + ": " + said).because(why);
    }
    return Refusal.failedPrecondition(
            start
                + "; install criu and see what \"criu check\" says: "
                + said
                + lastError(logs).map(error -> " (" + error + ")").orElse(""))
        .because(why);
  }

  /** What CRIU gave as its last error, without time and place in its source. */
  private static Optional<String> lastError(Path logs) {
    try (RandomAccessFile log = new RandomAccessFile(logs.resolve("dump.log").toFile(), "r")) {
      log.seek(Math.max(0, log.length() - LOG_BYTES_READ));
      byte[] tail = new byte[(int) (log.length() - log.getFilePointer())];
      log.readFully(tail);
      return new String(tail, StandardCharsets.UTF_8)
          .lines()
          .filter(line -> line.contains("Error (") && !line.contains("Dumping FAILED"))
          .reduce((earlier, later) -> later)
          .map(line -> line.replaceFirst("^.*Error \\([^)]*\\): *", "").strip());
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
