package dev.retainerd.runtime.checkpoint;

import com.google.gson.JsonObject;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.runtime.container.RootFilesystems;
import dev.retainerd.runtime.container.SavedContainer;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.task.Checkpointing;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.wire.containerd.runc.v1.CheckpointOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;

/**
 * What is kept of a container that stands still: CRIU's images in {@code checkpoint/}, what it has
 * written into its root, its OCI spec, and {@code config.dump}, which names its image, in the form
 * of checkpointctl's tools. Thread-safe.
 */
final class Portrait {
  static final String CONFIG = "config.dump";
  static final String SPEC = "spec.dump";
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private final Journal journal;
  private final Checkpointing checkpointing;
  private final Dump dump;
  private final RootFilesystems roots;

  Portrait(Journal journal, Checkpointing checkpointing, RootFilesystems roots) {
    this.journal = journal;
    this.checkpointing = checkpointing;
    this.dump = new Dump(checkpointing);
    this.roots = roots;
  }

  /**
   * Writes it into a folder that only root enters.
   *
   * @param target what the caller named, for the log
   * @param logs where CRIU logs
   * @throws dev.retainerd.runtime.error.Refusal FAILED_PRECONDITION where the runtime or CRIU is
   *     not able to
   */
  void write(
      Origin origin,
      ContainerEntry container,
      String target,
      Path folder,
      Path logs,
      Patience patience) {
    String id = container.getContainer().getId();
    checkpointing.run(
        origin,
        NAMESPACE,
        id,
        new Checkpointing.Plan(target, false),
        () -> {
          dump.write(
              NAMESPACE,
              id,
              folder.resolve(SavedContainer.IMAGES),
              logs,
              CheckpointOptions.getDefaultInstance(),
              patience.left("the checkpoint of container " + id));
          roots.save(id, folder.resolve(SavedContainer.ROOT_LAYER));
          try {
            describe(container.getContainer(), folder);
          } catch (IOException e) {
            throw Unwritable.of("the checkpoint of container " + id, folder, e);
          }
          return "";
        });
  }

  private void describe(ContainerRecord container, Path folder) throws IOException {
    put(folder.resolve(CONFIG), config(container).toString().getBytes(StandardCharsets.UTF_8));
    byte[] spec =
        journal
            .state()
            .get(Kind.SPEC.key(NAMESPACE, container.getId()))
            .map(entry -> entry.getSpec().getValue().toByteArray())
            .orElse(new byte[0]);
    put(folder.resolve(SPEC), spec);
  }

  private static JsonObject config(ContainerRecord container) {
    JsonObject config = new JsonObject();
    config.addProperty("id", container.getId());
    config.addProperty("name", container.getCri().getName());
    config.addProperty("rootfsImage", container.getImage());
    config.addProperty("rootfsImageRef", container.getCri().getImageId());
    config.addProperty("rootfsImageName", container.getImage());
    config.addProperty("runtime", container.getRuntime());
    long created = container.getCreatedAtNanos();
    config.addProperty(
        "createdTime",
        Instant.ofEpochSecond(created / NANOS_PER_SECOND, created % NANOS_PER_SECOND).toString());
    config.addProperty("checkpointedTime", Instant.now().toString());
    config.addProperty("restored", container.getCri().getRestored());
    return config;
  }

  static void put(Path file, byte[] content) throws IOException {
    Files.write(
        Files.createFile(
            file,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))),
        content);
  }
}
