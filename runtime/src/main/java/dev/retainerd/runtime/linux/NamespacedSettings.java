package dev.retainerd.runtime.linux;

import java.util.Set;

/**
 * Kernel settings that are a namespace's own though their names do not say so, as net and fs.mqueue
 * do (sysctl's kernel docs; runc and kubelet allow the same ones).
 */
public final class NamespacedSettings {
  /** Those of the IPC namespace. */
  public static final Set<String> OF_IPC =
      Set.of(
          "kernel.msgmax",
          "kernel.msgmnb",
          "kernel.msgmni",
          "kernel.sem",
          "kernel.shmall",
          "kernel.shmmax",
          "kernel.shmmni",
          "kernel.shm_rmid_forced");

  private NamespacedSettings() {}
}
