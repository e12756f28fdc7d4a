package dev.retainerd.runtime.container;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.NamespaceOption;

/** Whose pid namespace a container joins. Thread-safe. */
record SharedPids(TaskService tasks) {
  private static final String NAMESPACE = SandboxService.NAMESPACE;

  /**
   * The pid whose pid namespace a container is to join; 0 for none.
   *
   * @throws Refusal FAILED_PRECONDITION where the container that it names does not run
   */
  int target(ContainerConfig config) {
    NamespaceOption options = config.getLinux().getSecurityContext().getNamespaceOptions();
    if (options.getPid() != NamespaceMode.TARGET) {
      return 0;
    }
    int pid = init(options.getTargetId());
    if (pid == 0) {
      throw Refusal.failedPrecondition(
          "container "
              + options.getTargetId()
              + ", whose pid namespace is to be shared, does not"
              + " run; start it first");
    }
    return pid;
  }

  /** The pid of the first process of a container that runs; 0 where it does not. */
  int init(String containerId) {
    return containerId.isEmpty()
        ? 0
        : tasks
            .find(NAMESPACE, containerId)
            .filter(t -> t.getPhase() == TaskPhase.TASK_PHASE_RUNNING)
            .map(t -> t.getInit().getPid())
            .orElse(0);
  }
}
