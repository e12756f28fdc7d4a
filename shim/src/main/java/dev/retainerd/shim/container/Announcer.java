package dev.retainerd.shim.container;

import dev.retainerd.shim.wire.record.ExitRecord;
import dev.retainerd.shim.wire.task.CreateTaskRequest;

/**
 * Hears what happens to containers, in the order in which it happens to each: create, start, OOM,
 * exit, delete. Implementations must return at once.
 */
public interface Announcer {
  void created(String namespace, CreateTaskRequest request, int pid);

  void started(String namespace, String id, String execId, int pid);

  void execAdded(String namespace, String id, String execId);

  void paused(String namespace, String id);

  void resumed(String namespace, String id);

  void checkpointed(String namespace, String id, String path);

  void outOfMemory(String namespace, String id);

  void exited(String namespace, String id, String execId, ExitRecord exit);

  void deleted(String namespace, String id, String execId, ExitRecord exit);
}
