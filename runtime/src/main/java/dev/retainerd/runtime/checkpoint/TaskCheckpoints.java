package dev.retainerd.runtime.checkpoint;

import com.google.protobuf.Any;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.image.ContentService;
import dev.retainerd.runtime.image.FolderBlobs;
import dev.retainerd.runtime.image.Scope;
import dev.retainerd.runtime.task.Checkpointing;
import dev.retainerd.runtime.task.RestoreFrom;
import dev.retainerd.store.proto.SpecEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.StateView;
import dev.retainerd.wire.containerd.runc.v1.CheckpointOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Checkpoints of tasks as containerd's clients ask for them, and their restoring. Where the client
 * names a folder, the OCI runtime writes there and that is all; else the images become a blob of
 * the namespace's content, and the container's spec another. Thread-safe. Semantics: containerd's
 * task service.
 */
public final class TaskCheckpoints {
  /** CRIU's images in a tar archive. */
  public static final String IMAGES =
      "application/vnd.containerd.container.criu.checkpoint.criu.tar";

  /** The container's spec, as the protobuf value that its record holds. */
  public static final String SPEC =
      "application/vnd.containerd.container.checkpoint.config.v1+proto";

  /** As long as the shim gives the OCI runtime for it, and some. */
  private static final Duration PATIENCE = Duration.ofMinutes(11);

  private final StateView state;
  private final ContentService content;
  private final FolderBlobs blobs;
  private final Checkpointing checkpointing;
  private final Dump dump;
  private final WorkFolders folders;

  /**
   * @param state holds the specs of containers
   */
  public TaskCheckpoints(
      StateView state, ContentService content, Checkpointing checkpointing, WorkFolders folders) {
    this.state = state;
    this.content = content;
    this.blobs = new FolderBlobs(content);
    this.checkpointing = checkpointing;
    this.dump = new Dump(checkpointing);
    this.folders = folders;
  }

  /**
   * Makes one.
   *
   * @param scope its lease holds the blobs; where it has none, they are garbage until something
   *     refers to them
   * @return the images and the spec as content; nothing where the options name a folder
   * @throws Refusal FAILED_PRECONDITION where the task does not run or CRIU is not able; then
   *     nothing is left behind
   */
  public List<Descriptor> make(Scope scope, String id, CheckpointOptions options) {
    absolute(id, "image path", options.getImagePath());
    absolute(id, "work path", options.getWorkPath());
    List<Descriptor> made = new ArrayList<>();
    try (WorkFolders.Work work = folders.make()) {
      checkpointing.run(
          scope.origin(),
          scope.namespace(),
          id,
          new Checkpointing.Plan(options.getImagePath(), options.getExit()),
          () -> {
            boolean named = !options.getImagePath().isEmpty();
            Path images = named ? Path.of(options.getImagePath()) : work.images();
            dump.write(scope.namespace(), id, images, work.logs(), options, PATIENCE);
            if (!named) {
              made.add(blobs.write(scope, images, IMAGES));
              made.add(spec(scope, id));
            }
            return named ? "" : made.getFirst().getDigest();
          });
      return made;
    } catch (IOException e) {
      throw Refusal.internal(
          "no folder for the checkpoint of " + id + " could be made: " + e.getMessage(), e);
    }
  }

  private Descriptor spec(Scope scope, String id) {
    Opaque spec =
        state
            .get(Kind.SPEC.key(scope.namespace(), id))
            .map(SpecEntry::getSpec)
            .orElse(Opaque.getDefaultInstance());
    byte[] bytes =
        Any.newBuilder()
            .setTypeUrl(spec.getTypeUrl())
            .setValue(spec.getValue())
            .build()
            .toByteArray();
    Digest digest = content.put(scope, bytes, Map.of());
    return Descriptor.newBuilder()
        .setMediaType(SPEC)
        .setDigest(digest.toString())
        .setSize(bytes.length)
        .build();
  }

  /**
   * What a task is restored from: the namespace's blob of such images.
   *
   * @throws Refusal INVALID_ARGUMENT where it is of another media type, NOT_FOUND where the
   *     namespace does not hold it
   */
  public RestoreFrom restoring(String namespace, Descriptor checkpoint) {
    if (!checkpoint.getMediaType().equals(IMAGES)) {
      throw Refusal.invalidArgument(
          "unsupported checkpoint type \""
              + checkpoint.getMediaType()
              + "\"; it must be "
              + IMAGES);
    }
    Digest digest = Digest.parse(checkpoint.getDigest());
    content.info(namespace, digest);
    return new RestoreFrom.Archive(folder -> blobs.read(namespace, digest, folder));
  }

  /**
   * What a task is restored from: a folder of the client's.
   *
   * @throws Refusal INVALID_ARGUMENT where the path is not absolute
   */
  public static RestoreFrom restoring(String id, String path) {
    absolute(id, "image path", path);
    return new RestoreFrom.Folder(Path.of(path));
  }

  private static void absolute(String id, String what, String path) {
    if (!path.isEmpty() && (path.indexOf('\0') >= 0 || !Path.of(path).isAbsolute())) {
      throw Refusal.invalidArgument(
          "the checkpoint of " + id + " needs an absolute path as its " + what);
    }
  }
}
