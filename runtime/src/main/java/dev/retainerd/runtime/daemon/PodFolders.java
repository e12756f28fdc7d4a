package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.namespaces.DnsSettings;
import dev.retainerd.runtime.namespaces.PodFiles;
import dev.retainerd.runtime.namespaces.SharedMemory;
import dev.retainerd.runtime.sandbox.PodFolder;
import dev.retainerd.runtime.shims.Folders;
import dev.retainerd.wire.cri.v1.DNSConfig;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Pods' files below the root folder, their /dev/shm below the state folder.
 *
 * @param sandboxes one folder per pod
 * @param shm one mount point per pod
 */
record PodFolders(Path sandboxes, Path shm) implements PodFolder {

  /**
   * The pod's files as its containers see them; /dev/shm is the node's where the pod shares its
   * IPC.
   */
  dev.retainerd.runtime.oci.PodFiles files(SandboxRecord sandbox) {
    PodFiles files = PodFiles.in(sandboxes.resolve(sandbox.getId()));
    return new dev.retainerd.runtime.oci.PodFiles(
        existing(files.hostname()),
        existing(files.hosts()),
        existing(files.resolvConf()),
        existing(
            sandbox.getIpcnsPath().isEmpty() ? Path.of("/dev/shm") : shm.resolve(sandbox.getId())));
  }

  private static java.util.Optional<Path> existing(Path file) {
    return java.util.Optional.of(file).filter(Files::exists);
  }

  /** The pod's host name, or the node's where it shares its UTS namespace. */
  static String hostname(SandboxRecord sandbox) {
    if (!sandbox.getHostname().isEmpty()) {
      return sandbox.getHostname();
    }
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
    } catch (IOException e) {
      return "localhost";
    }
  }

  @Override
  public void make(SandboxRecord sandbox, PodSandboxConfig config) {
    DNSConfig dns = config.getDnsConfig();
    PodFiles.write(
        sandboxes.resolve(sandbox.getId()),
        hostname(sandbox),
        new DnsSettings(dns.getServersList(), dns.getSearchesList(), dns.getOptionsList()));
    boolean ownIpc =
        config.getLinux().getSecurityContext().getNamespaceOptions().getIpc() != NamespaceMode.NODE;
    if (ownIpc) {
      SharedMemory.mount(shm.resolve(sandbox.getId()), SharedMemory.DEFAULT_SIZE_BYTES);
    }
  }

  @Override
  public void release(String sandboxId) {
    SharedMemory.unmount(shm.resolve(sandboxId));
  }

  @Override
  public void remove(String sandboxId) {
    release(sandboxId);
    try {
      Folders.remove(sandboxes.resolve(sandboxId));
    } catch (IOException e) {
      throw Refusal.internal(
          "the folder of pod sandbox " + sandboxId + " cannot be removed: " + e.getMessage(), e);
    }
  }
}
