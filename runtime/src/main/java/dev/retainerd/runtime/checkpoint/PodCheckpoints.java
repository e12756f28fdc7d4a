package dev.retainerd.runtime.checkpoint;

import dev.retainerd.runtime.container.RootFilesystems;
import dev.retainerd.runtime.container.SavedContainer;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.Folders;
import dev.retainerd.runtime.task.Checkpointing;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.SandboxPhase;
import dev.retainerd.store.proto.TaskPhase;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Checkpoints of pods in folders of their callers: containers of a pod are paused together, written
 * one after the other, and go on. Thread-safe. Semantics: CRI's CheckpointPod (KEP-5823).
 */
public final class PodCheckpoints {
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final int LONGEST_PATH = 4096;
  private static final String LOGS = "logs";
  private static final FileAttribute<Set<PosixFilePermission>> ROOT_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private final TaskService tasks;
  private final Portrait portrait;
  private final ConsistentCut cuts;

  public PodCheckpoints(
      Journal journal,
      TaskService tasks,
      Checkpointing checkpointing,
      RootFilesystems roots,
      ConsistentCut cuts) {
    this.tasks = tasks;
    this.portrait = new Portrait(journal, checkpointing, roots);
    this.cuts = cuts;
  }

  /**
   * Writes one. On failure the folder is as empty as it was, and all containers go on.
   *
   * @param containers at least one, all of them running containers of the pod
   * @param output absolute path of an empty folder
   * @throws Refusal INVALID_ARGUMENT for what is wrong in the request, FAILED_PRECONDITION where
   *     the pod or a container does not run, or CRIU is not able
   */
  public void write(
      Origin origin,
      SandboxEntry pod,
      List<ContainerEntry> containers,
      String output,
      Patience patience) {
    String id = pod.getSandbox().getId();
    if (pod.getPhase() != SandboxPhase.SANDBOX_PHASE_READY) {
      throw Refusal.failedPrecondition(
          "pod sandbox " + id + " is not ready; only one that runs can be checkpointed");
    }
    check(id, containers);
    Path folder = emptyFolder(output);
    patience.left("the checkpoint of pod sandbox " + id);
    cuts.make(
        origin,
        new ConsistentCut.Plan(
            id, folder, containers.stream().map(c -> c.getContainer().getId()).toList(), false),
        () -> containers.forEach(container -> writeContainer(origin, container, folder, patience)),
        () -> finish(pod, containers, folder, patience));
  }

  private void check(String podId, List<ContainerEntry> containers) {
    if (containers.isEmpty()) {
      throw Refusal.invalidArgument(
          "the request names no container; set container_ids to those that are to be checkpointed");
    }
    Set<String> ids = new HashSet<>();
    Set<String> names = new HashSet<>();
    for (ContainerEntry container : containers) {
      String id = container.getContainer().getId();
      if (!ids.add(id)) {
        throw Refusal.invalidArgument("container " + id + " is named twice; name it once");
      }
      if (!container.getContainer().getSandboxId().equals(podId)) {
        throw Refusal.invalidArgument(
            "container "
                + id
                + " is one of pod sandbox "
                + container.getContainer().getSandboxId()
                + ", not of "
                + podId);
      }
      if (!names.add(container.getContainer().getCri().getName())) {
        throw Refusal.invalidArgument(
            "two of the containers have the name "
                + container.getContainer().getCri().getName()
                + "; a restore could not tell them apart");
      }
      boolean runs =
          tasks
              .find(NAMESPACE, id)
              .filter(task -> task.getPhase() == TaskPhase.TASK_PHASE_RUNNING)
              .isPresent();
      if (!runs) {
        throw Refusal.failedPrecondition(
            "container " + id + " does not run; only running ones can be checkpointed");
      }
    }
  }

  /** The path of a folder that was named by a client, as it stands there. */
  static Path folder(String what, String path) {
    if (path.isEmpty()) {
      throw Refusal.invalidArgument("the request names no " + what);
    }
    if (path.length() > LONGEST_PATH) {
      throw Refusal.invalidArgument(
          "the " + what + " has more than " + LONGEST_PATH + " characters");
    }
    Path folder;
    try {
      folder = Path.of(path);
    } catch (InvalidPathException e) {
      throw Refusal.invalidArgument("the " + what + " is no path: " + e.getReason()).because(e);
    }
    if (!folder.isAbsolute()) {
      throw Refusal.invalidArgument("the " + what + " " + path + " is not absolute");
    }
    if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      throw Refusal.invalidArgument(
          "the " + what + " " + path + " does not exist; it must be a folder");
    }
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      throw Refusal.invalidArgument(
          "the " + what + " " + path + " is no folder; links are not followed");
    }
    return folder;
  }

  private static Path emptyFolder(String output) {
    Path folder = folder("output_path", output);
    try (Stream<Path> children = Files.list(folder)) {
      if (children.findAny().isPresent()) {
        throw Refusal.invalidArgument(
            "the output_path " + folder + " is not empty; name an empty folder");
      }
    } catch (IOException e) {
      throw Unwritable.of("the checkpoint", folder, e);
    }
    return folder;
  }

  private void writeContainer(
      Origin origin, ContainerEntry container, Path output, Patience patience) {
    Path folder = PodFiles.container(output, container.getContainer().getId());
    try {
      Files.createDirectory(folder, ROOT_ONLY);
      Path logs = Files.createDirectory(folder.resolve(LOGS), ROOT_ONLY);
      Files.createDirectory(folder.resolve(SavedContainer.IMAGES), ROOT_ONLY);
      portrait.write(origin, container, folder.toString(), folder, logs, patience);
      Folders.remove(logs);
    } catch (IOException e) {
      throw Unwritable.of("the checkpoint of a pod", folder, e);
    }
  }

  /** All of it is on disk before the file is there that makes it a checkpoint. */
  private static void finish(
      SandboxEntry pod, List<ContainerEntry> containers, Path output, Patience patience) {
    try {
      PodManifest manifest =
          PodManifest.of(
              pod.getSandbox(), containers.stream().map(ContainerEntry::getContainer).toList());
      Path partial = PodFiles.partial(PodFiles.manifest(output));
      Portrait.put(partial, manifest.bytes());
      try (Stream<Path> all = Files.walk(output)) {
        for (Path path : all.toList()) {
          sync(path);
        }
      }
      patience.left("the checkpoint of pod sandbox " + pod.getSandbox().getId());
      Files.move(partial, PodFiles.manifest(output), StandardCopyOption.ATOMIC_MOVE);
      sync(output);
    } catch (IOException e) {
      throw Unwritable.of("the checkpoint of a pod", output, e);
    }
  }

  private static void sync(Path path) throws IOException {
    if (Files.isSymbolicLink(path)) {
      return;
    }
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
