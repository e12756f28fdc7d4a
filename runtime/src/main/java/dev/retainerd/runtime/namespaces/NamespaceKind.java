package dev.retainerd.runtime.namespaces;

import dev.retainerd.runtime.linux.NamespaceCalls;

/** The kinds of namespace that a pod can have of its own without a process in it. */
public enum NamespaceKind {
  /** It owns the others of its pod, so that they obey the pod's root. */
  USER("user", "userns", NamespaceCalls.CLONE_NEWUSER),
  NETWORK("net", "netns", NamespaceCalls.CLONE_NEWNET),
  UTS("uts", "utsns", NamespaceCalls.CLONE_NEWUTS),
  IPC("ipc", "ipcns", NamespaceCalls.CLONE_NEWIPC);

  private final String procName;
  private final String folder;
  private final int cloneFlag;

  NamespaceKind(String procName, String folder, int cloneFlag) {
    this.procName = procName;
    this.folder = folder;
    this.cloneFlag = cloneFlag;
  }

  /** Its name in /proc/PID/ns. */
  public String procName() {
    return procName;
  }

  /** The folder of its pins below the state folder. */
  public String folder() {
    return folder;
  }

  /** The CLONE_ constant of the kernel. */
  public int cloneFlag() {
    return cloneFlag;
  }
}
