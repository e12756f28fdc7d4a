package dev.retainerd.runtime.oci;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.IDMapping;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.NamespaceOption;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.UserNamespace;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Which namespaces a process gets or joins. A namespace that is not listed is the node's own.
 *
 * <p>Network, IPC and UTS are the pod's whatever the container says, as in containerd; the pid
 * namespace is the container's choice.
 */
final class NamespacePlan {
  /** The highest number is nobody's: it means "unchanged" to the kernel. */
  private static final long LAST_ID = 0xFFFF_FFFFL;

  private final JsonArray namespaces = new JsonArray();

  private NamespacePlan() {}

  static NamespacePlan ofContainer(ContainerInput input, HostTraits host) {
    NamespacePlan plan = new NamespacePlan();
    NamespaceOption options = input.config().getLinux().getSecurityContext().getNamespaceOptions();
    NamespaceOption ofPod = options(input.pod());
    checkUserNamespaces(ofPod, options);
    plan.pid(input, options, ofPod);
    PodNamespaces pod = input.namespaces();
    plan.join("ipc", ofPod.getIpc(), pod.ipc());
    plan.join("uts", ofPod.getNetwork(), pod.uts());
    plan.join("network", ofPod.getNetwork(), pod.network());
    plan.add("mount", Optional.empty());
    if (host.unifiedCgroups() && !input.config().getLinux().getSecurityContext().getPrivileged()) {
      plan.add("cgroup", Optional.empty());
    }
    if (hasUserNamespace(input)) {
      plan.add("user", pod.user());
    }
    return plan;
  }

  static NamespacePlan ofSandbox(SandboxInput input, HostTraits host) {
    NamespacePlan plan = new NamespacePlan();
    NamespaceOption options = options(input.pod());
    checkUserNamespaces(options, options);
    if (options.getPid() != NamespaceMode.NODE) {
      plan.add("pid", Optional.empty());
    }
    PodNamespaces pod = input.namespaces();
    plan.join("ipc", options.getIpc(), pod.ipc());
    plan.join("uts", options.getNetwork(), pod.uts());
    plan.join("network", options.getNetwork(), pod.network());
    plan.add("mount", Optional.empty());
    if (host.unifiedCgroups()) {
      plan.add("cgroup", Optional.empty());
    }
    if (hasUserNamespace(options)) {
      plan.add("user", pod.user());
    }
    return plan;
  }

  static NamespaceOption options(PodSandboxConfig pod) {
    return pod.getLinux().getSecurityContext().getNamespaceOptions();
  }

  static boolean hasUserNamespace(ContainerInput input) {
    return hasUserNamespace(input.config().getLinux().getSecurityContext().getNamespaceOptions());
  }

  static boolean hasUserNamespace(NamespaceOption options) {
    return options.hasUsernsOptions() && options.getUsernsOptions().getMode() == NamespaceMode.POD;
  }

  private void pid(ContainerInput input, NamespaceOption options, NamespaceOption ofPod) {
    Optional<Path> ofPause = input.namespaces().pid();
    switch (options.getPid()) {
      case CONTAINER -> add("pid", Optional.empty());
      case NODE -> {
        if (ofPod.getPid() != NamespaceMode.NODE) {
          throw Refusal.invalidArgument(
              "the container asks for the node's pid namespace, its pod does not; set the pod's"
                  + " pid mode to NODE too");
        }
      }
      case POD -> {
        if (ofPod.getPid() == NamespaceMode.NODE) {
          return;
        }
        if (ofPause.isEmpty() && ofPod.getPid() == NamespaceMode.POD) {
          throw Refusal.failedPrecondition(
              "the process that holds the pid namespace of sandbox %s is gone; run the pod again"
                  .formatted(input.sandboxId()));
        }
        // POD is what a client means that sets nothing. In a pod that shares no pid namespace the
        // container gets one of its own.
        add("pid", ofPause);
      }
      case TARGET -> {
        if (input.targetPid().isEmpty()) {
          throw Refusal.failedPrecondition(
              "the target container %s has no running process whose pid namespace could be joined"
                  .formatted(Identifiers.shortened(options.getTargetId())));
        }
        add("pid", input.targetPid());
      }
      case UNRECOGNIZED ->
          throw Refusal.invalidArgument(
              "there is no pid namespace mode " + options.getPidValue() + "; use 0 to 3");
    }
  }

  private void join(String type, NamespaceMode mode, Optional<Path> path) {
    switch (mode) {
      case NODE -> {}
      case POD, CONTAINER -> {
        if (path.isEmpty()) {
          throw Refusal.internal("the pod's " + type + " namespace was not made");
        }
        add(type, path);
      }
      case TARGET, UNRECOGNIZED ->
          throw Refusal.invalidArgument(
              "the %s namespace takes the modes POD and NODE, not %s".formatted(type, mode));
    }
  }

  private void add(String type, Optional<Path> path) {
    JsonObject json = JsonTree.object("type", type);
    path.ifPresent(at -> json.addProperty("path", at.toString()));
    namespaces.add(json);
  }

  static void checkUserNamespaces(NamespaceOption pod, NamespaceOption container) {
    UserNamespace ofPod = pod.getUsernsOptions();
    if (!pod.hasUsernsOptions() && !container.hasUsernsOptions()) {
      return;
    }
    if (!ofPod.equals(container.getUsernsOptions())) {
      throw Refusal.invalidArgument(
          "the container's user namespace is not that of its pod; give both the same mappings");
    }
    boolean own = ofPod.getMode() == NamespaceMode.POD;
    if (!own && ofPod.getMode() != NamespaceMode.NODE) {
      throw Refusal.invalidArgument(
          "the user namespace takes the modes POD and NODE, not " + ofPod.getMode());
    }
    checkMappings("uids", own, ofPod.getUidsList());
    checkMappings("gids", own, ofPod.getGidsList());
  }

  private static void checkMappings(String what, boolean own, List<IDMapping> mappings) {
    if (mappings.size() != (own ? 1 : 0)) {
      throw Refusal.invalidArgument(
          "the user namespace has %d mappings of %s; mode POD takes one, mode NODE none"
              .formatted(mappings.size(), what));
    }
    if (own && mappings.getFirst().getContainerId() != 0) {
      throw Refusal.invalidArgument(
          "the user namespace maps no " + what + " from 0, so nobody would be root in it");
    }
    if (own && mappings.getFirst().getLength() == 0) {
      throw Refusal.invalidArgument("the user namespace maps no " + what + "; give a length");
    }
    if (own
        && Integer.toUnsignedLong(mappings.getFirst().getHostId())
                + Integer.toUnsignedLong(mappings.getFirst().getLength())
            > LAST_ID) {
      throw Refusal.invalidArgument(
          "the user namespace maps "
              + what
              + " of the node that do not exist; there are "
              + LAST_ID
              + " of them");
    }
  }

  JsonArray toJson() {
    return namespaces;
  }
}
