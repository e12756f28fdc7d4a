package dev.retainerd.runtime.oci;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.NamespacedSettings;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.NamespaceOption;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * The kernel settings of a pod's namespaces: those it asks for and those every pod has. They are
 * set once, when the namespaces are made. Pure.
 */
public final class Sysctls {
  private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9_*-]+([./][a-zA-Z0-9_*-]+)*");

  private Sysctls() {}

  /**
   * What to write below /proc/sys, by dotted name.
   *
   * @throws Refusal INVALID_ARGUMENT for one that belongs to the node, or to a namespace that the
   *     pod shares with the node
   */
  public static SortedMap<String, String> of(PodSandboxConfig pod, SpecPolicy policy) {
    NamespaceOption options = NamespacePlan.options(pod);
    boolean ownNetwork = options.getNetwork() != NamespaceMode.NODE;
    boolean ownIpc = options.getIpc() != NamespaceMode.NODE;
    SortedMap<String, String> sysctls = new TreeMap<>();
    if (ownNetwork && policy.unprivilegedPorts()) {
      sysctls.put("net.ipv4.ip_unprivileged_port_start", "0");
    }
    boolean userNamespace =
        options.hasUsernsOptions() && options.getUsernsOptions().getMode() == NamespaceMode.POD;
    if (ownNetwork && policy.unprivilegedIcmp() && !userNamespace) {
      sysctls.put("net.ipv4.ping_group_range", "0 2147483647");
    }
    for (Map.Entry<String, String> asked : pod.getLinux().getSysctlsMap().entrySet()) {
      String name = asked.getKey().replace('/', '.');
      check(asked.getKey(), name, ownNetwork, ownIpc);
      sysctls.put(name, asked.getValue());
    }
    return sysctls;
  }

  private static void check(String written, String name, boolean ownNetwork, boolean ownIpc) {
    String shown = Identifiers.shortened(written);
    if (!NAME.matcher(written).matches()) {
      throw Refusal.invalidArgument("the sysctl " + shown + " is no name of one");
    }
    boolean network = name.startsWith("net.");
    boolean ipc = NamespacedSettings.OF_IPC.contains(name) || name.startsWith("fs.mqueue.");
    boolean uts = name.equals("kernel.domainname");
    if (!network && !ipc && !uts) {
      throw Refusal.invalidArgument(
          "the sysctl " + shown + " belongs to the node, not to a pod; set it on the node");
    }
    if ((network || uts) && !ownNetwork || ipc && !ownIpc) {
      throw Refusal.invalidArgument(
          "the sysctl %s is of a namespace that the pod shares with the node; set it on the node"
              .formatted(shown));
    }
  }
}
