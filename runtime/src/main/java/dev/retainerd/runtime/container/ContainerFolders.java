package dev.retainerd.runtime.container;

import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.StdioPaths;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.FileCalls;
import dev.retainerd.runtime.shims.Folders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/**
 * The folder that lasts as long as its container does, and the folder of its log. It lies where
 * containerd's CRI plugin has it, so that operators and their scripts find a container's volumes
 * where they look for them. Thread-safe.
 *
 * @param root one folder per container of the CRI namespace is made below it
 * @param older where they were made before; containers that have one there keep it
 */
public record ContainerFolders(Path root, Path older) {

  /** Those of a daemon whose files lie below {@code daemonRoot}. */
  public static ContainerFolders below(Path daemonRoot, String namespace) {
    return new ContainerFolders(
        daemonRoot.resolve("io.containerd.grpc.v1.cri").resolve("containers"),
        daemonRoot.resolve("containers").resolve(namespace));
  }

  /** The container's folder. */
  public Path folder(String id) {
    Path before = older.resolve(id);
    return Files.isDirectory(before, LinkOption.NOFOLLOW_LINKS) ? before : root.resolve(id);
  }

  /** The FIFO that is the stdin of the container's process, where it asked for one. */
  Path stdin(String id) {
    return folder(id).resolve("stdin");
  }

  /**
   * Where a checkpoint lies that the container's process goes on from, until it does: {@code
   * checkpoint/} holds CRIU's images. Only root enters.
   */
  Path restore(String id) {
    return folder(id).resolve("restore");
  }

  /**
   * Where a container's streams go. Without a log the output goes nowhere, and a client can attach
   * to it all the same.
   *
   * @param maxLogLineBytes after which a line of the log is cut in parts; 0 for never
   */
  StdioPaths stdio(ContainerRecord record, int maxLogLineBytes) {
    String log = record.getCri().getLogPath();
    String out =
        log.isEmpty()
            ? "file:///dev/null"
            : "cri://" + Path.of(log).toUri().getRawPath() + "?max_line_bytes=" + maxLogLineBytes;
    return StdioPaths.newBuilder()
        .setStdin(record.getCri().getStdin() ? stdin(record.getId()).toString() : "")
        .setStdout(out)
        .setStderr(record.getCri().getTty() ? "" : out)
        .setTerminal(record.getCri().getTty())
        .build();
  }

  void make(ContainerRecord record) {
    try {
      Files.createDirectories(folder(record.getId()));
      if (record.getCri().getStdin() && !Files.exists(stdin(record.getId()))) {
        FileCalls.makeFifo(stdin(record.getId()), 0600);
      }
      if (!record.getCri().getLogPath().isEmpty()) {
        Files.createDirectories(Path.of(record.getCri().getLogPath()).getParent());
      }
    } catch (IOException e) {
      throw Refusal.internal(
          "the folders of container " + record.getId() + " cannot be made: " + e.getMessage(), e);
    }
  }

  void remove(String id) {
    try {
      Folders.remove(folder(id));
    } catch (IOException e) {
      throw Refusal.internal(
          "the folder of container " + id + " cannot be removed: " + e.getMessage(), e);
    }
  }
}
