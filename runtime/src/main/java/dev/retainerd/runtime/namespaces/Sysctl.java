package dev.retainerd.runtime.namespaces;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.NamespacedSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/**
 * One kernel setting of a pod: its name checked against the namespaces the pod has of its own, and
 * written from within them. Which settings are per namespace is said in sysctl's kernel docs; the
 * set allowed here is the one runc and kubelet allow.
 */
record Sysctl(String name, String value, Path file) {
  private static final Path ROOT = Path.of("/proc/sys");

  /** Checks a name and value; refuses what would reach outside of the pod. */
  static Sysctl of(String name, String value, Set<NamespaceKind> kinds) {
    String slashed = slashed(name);
    String dotted = slashed.replace('/', '.');
    boolean allowed =
        (slashed.startsWith("net/") && kinds.contains(NamespaceKind.NETWORK))
            || (slashed.startsWith("fs/mqueue/") && kinds.contains(NamespaceKind.IPC))
            || (NamespacedSettings.OF_IPC.contains(dotted) && kinds.contains(NamespaceKind.IPC))
            || (dotted.equals("kernel.domainname") && kinds.contains(NamespaceKind.UTS));
    Path file = ROOT.resolve(slashed).normalize();
    if (!allowed || !file.startsWith(ROOT) || slashed.contains("..")) {
      throw Refusal.invalidArgument(
          "sysctl \""
              + name
              + "\" does not belong to a namespace that this pod has of its own; drop it, or let"
              + " the pod have its own network or ipc namespace");
    }
    return new Sysctl(name, value, file);
  }

  /** Whether it belongs to the IPC namespace. */
  boolean ofIpc() {
    return name.startsWith("fs")
        || NamespacedSettings.OF_IPC.contains(slashed(name).replace('/', '.'));
  }

  /** As sysctl(8): whichever of dot and slash comes first is the separator. */
  private static String slashed(String name) {
    int dot = name.indexOf('.');
    int slash = name.indexOf('/');
    if (slash >= 0 && (dot < 0 || slash < dot)) {
      return name;
    }
    return name.replace('/', '\0').replace('.', '/').replace('\0', '.');
  }

  /** Writes it for the namespaces of the calling thread. */
  void apply() throws IOException {
    try {
      // One write: the kernel takes a value only as a whole.
      Files.write(file, value.getBytes(StandardCharsets.UTF_8), StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw new IOException(
          "sysctl \"" + name + "\" could not be set to \"" + value + "\": " + e.getMessage(), e);
    }
  }
}
