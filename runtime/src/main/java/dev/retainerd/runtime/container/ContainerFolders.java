package dev.retainerd.runtime.container;

import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.FileCalls;
import dev.retainerd.runtime.shims.Folders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The folder that lasts as long as its container does, and the folder of its log. Thread-safe.
 *
 * @param root one folder per container of the CRI namespace is made below it
 */
public record ContainerFolders(Path root) {

  /** The container's folder. */
  public Path folder(String id) {
    return root.resolve(id);
  }

  /** The FIFO that is the stdin of the container's process, where it asked for one. */
  Path stdin(String id) {
    return folder(id).resolve("stdin");
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
