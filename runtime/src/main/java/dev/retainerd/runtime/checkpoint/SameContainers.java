package dev.retainerd.runtime.checkpoint;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxContainerSecurityContext;
import dev.retainerd.wire.cri.v1.Mount;
import dev.retainerd.wire.cri.v1.NamespaceOption;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Whether a pod may be restored as it is asked for. The processes of the checkpoint go on as they
 * were, so what a configuration says of them must be what they were made with; labels, annotations,
 * limits, logs and where mounts come from may be others. Pure.
 */
final class SameContainers {
  private static final int LONGEST_NAME = 80;

  /** What of a process cannot be another than it was. */
  private static final Map<String, Function<ContainerConfig, Object>> PROCESS =
      Map.ofEntries(
          Map.entry("command", ContainerConfig::getCommandList),
          Map.entry("args", ContainerConfig::getArgsList),
          Map.entry("working_dir", ContainerConfig::getWorkingDir),
          Map.entry("envs", ContainerConfig::getEnvsList),
          Map.entry("stdin", ContainerConfig::getStdin),
          Map.entry("tty", ContainerConfig::getTty),
          Map.entry("run_as_user", c -> security(c).getRunAsUser()),
          Map.entry("run_as_username", c -> security(c).getRunAsUsername()),
          Map.entry("run_as_group", c -> security(c).getRunAsGroup()),
          Map.entry("supplemental_groups", c -> security(c).getSupplementalGroupsList()),
          Map.entry("capabilities", c -> security(c).getCapabilities()),
          Map.entry("privileged", c -> security(c).getPrivileged()),
          Map.entry("no_new_privs", c -> security(c).getNoNewPrivs()),
          Map.entry("namespace_options", SameContainers::namespaces),
          Map.entry("the container paths of mounts", SameContainers::mountPoints));

  private SameContainers() {}

  /**
   * Compares the two.
   *
   * @param byName the configurations asked for
   * @throws Refusal INVALID_ARGUMENT that names what does not fit
   */
  static void check(
      PodManifest manifest, PodRestores.Wish wish, Map<String, ContainerConfig> byName) {
    if (!manifest.runtimeHandler().equals(wish.runtimeHandler())) {
      throw Refusal.invalidArgument(
          "the pod was checkpointed with the runtime handler \""
              + shown(manifest.runtimeHandler())
              + "\"; restore it with that, not with \""
              + shown(wish.runtimeHandler())
              + "\"");
    }
    pod(manifest.config(), wish.config());
    for (PodManifest.Member member : manifest.members()) {
      ContainerConfig asked = byName.get(member.name());
      if (asked == null) {
        throw Refusal.invalidArgument(
            "the checkpoint has a container "
                + shown(member.name())
                + ", and no container config is for it");
      }
      PROCESS.forEach(
          (what, of) -> {
            if (!of.apply(asked).equals(of.apply(member.config()))) {
              throw Refusal.invalidArgument(
                  "container "
                      + shown(member.name())
                      + " was checkpointed with other values of "
                      + what
                      + "; its process goes on as it was, so give those");
            }
          });
    }
    if (byName.size() != manifest.members().size()) {
      List<String> known = manifest.members().stream().map(PodManifest.Member::name).toList();
      throw Refusal.invalidArgument(
          "the checkpoint has no container "
              + byName.keySet().stream()
                  .filter(name -> !known.contains(name))
                  .sorted()
                  .map(SameContainers::shown)
                  .findFirst()
                  .orElse(""));
    }
  }

  private static void pod(PodSandboxConfig was, PodSandboxConfig asked) {
    if (!was.getHostname().equals(asked.getHostname())) {
      throw Refusal.invalidArgument(
          "the pod was checkpointed with the hostname \"" + shown(was.getHostname()) + "\"");
    }
    NamespaceOption before = was.getLinux().getSecurityContext().getNamespaceOptions();
    if (!before.equals(asked.getLinux().getSecurityContext().getNamespaceOptions())) {
      throw Refusal.invalidArgument(
          "the pod was checkpointed with other namespace_options; give those");
    }
  }

  private static LinuxContainerSecurityContext security(ContainerConfig config) {
    return config.getLinux().getSecurityContext();
  }

  /** The container whose pid namespace is shared has another id after a restore. */
  private static NamespaceOption namespaces(ContainerConfig config) {
    return security(config).getNamespaceOptions().toBuilder().clearTargetId().build();
  }

  private static List<String> mountPoints(ContainerConfig config) {
    return config.getMountsList().stream()
        .map(Mount::getContainerPath)
        .sorted()
        .collect(Collectors.toList());
  }

  /** A name as a sentence can hold it, whatever a client calls one. */
  static String shown(String name) {
    String plain = name.replaceAll("\\p{Cntrl}", "?");
    return plain.length() <= LONGEST_NAME ? plain : plain.substring(0, LONGEST_NAME) + "...";
  }
}
