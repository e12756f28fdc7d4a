package dev.retainerd.runtime.namespaces;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * The three files that every container of a pod sees: hostname, hosts and resolv.conf, in the pod's
 * folder.
 *
 * @param hostname bound onto /etc/hostname
 * @param hosts bound onto /etc/hosts where kubelet does not bring its own
 * @param resolvConf bound onto /etc/resolv.conf
 */
public record PodFiles(Path hostname, Path hosts, Path resolvConf) {
  private static final Path NODE_HOSTS = Path.of("/etc/hosts");
  private static final Path NODE_RESOLV_CONF = Path.of("/etc/resolv.conf");

  /** Where they are in this folder. */
  public static PodFiles in(Path folder) {
    return new PodFiles(
        folder.resolve("hostname"), folder.resolve("hosts"), folder.resolve("resolv.conf"));
  }

  /**
   * Writes them into the folder, which is made if absent. Repeated, it writes the same again in
   * place, so that a container which has a file bound sees the new content.
   *
   * @param hostname the pod's, or the node's where the pod shares its UTS namespace
   * @param dns {@link DnsSettings#none()} for the node's own resolv.conf
   */
  public static PodFiles write(Path folder, String hostname, DnsSettings dns) {
    PodFiles files = in(folder);
    try {
      Files.createDirectories(folder);
      write(files.hostname, (hostname + "\n").getBytes(StandardCharsets.UTF_8));
      write(files.hosts, ofNode(NODE_HOSTS));
      write(
          files.resolvConf,
          dns.isEmpty() ? ofNode(NODE_RESOLV_CONF) : dns.text().getBytes(StandardCharsets.UTF_8));
      return files;
    } catch (IOException e) {
      throw Refusal.internal(
          "the files of the pod in " + folder + " could not be written: " + e.getMessage(), e);
    }
  }

  private static byte[] ofNode(Path file) throws IOException {
    try {
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      return new byte[0];
    }
  }

  private static void write(Path file, byte[] content) throws IOException {
    Files.write(file, content);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
  }

  /** Removes them; what is absent already is fine. The folder stays. */
  public void delete() {
    try {
      Files.deleteIfExists(hostname);
      Files.deleteIfExists(hosts);
      Files.deleteIfExists(resolvConf);
    } catch (IOException e) {
      throw Refusal.internal("a file of the pod could not be removed: " + e.getMessage(), e);
    }
  }
}
