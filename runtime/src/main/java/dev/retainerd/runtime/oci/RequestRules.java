package dev.retainerd.runtime.oci;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.Device;
import dev.retainerd.wire.cri.v1.Mount;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.NamespaceOption;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What is wrong with a CRI request whatever the state of the node, found before anything is made.
 * Pure.
 */
public final class RequestRules {
  private static final int LONGEST_NAME = 253;
  private static final int LONGEST_HOSTNAME = 64;
  private static final int MOST_METADATA_BYTES = 1 << 20;
  private static final Pattern HOSTNAME =
      Pattern.compile("[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?");

  private RequestRules() {}

  /**
   * Checks the request for a pod.
   *
   * @throws Refusal INVALID_ARGUMENT
   */
  public static void check(PodSandboxConfig pod) {
    if (!pod.hasMetadata()) {
      throw Refusal.invalidArgument("the pod has no metadata; give its name, namespace and uid");
    }
    name("the pod's metadata.name", pod.getMetadata().getName());
    name("the pod's metadata.namespace", pod.getMetadata().getNamespace());
    name("the pod's metadata.uid", pod.getMetadata().getUid());
    String hostname = pod.getHostname();
    if (hostname.length() > LONGEST_HOSTNAME
        || !hostname.isEmpty() && !HOSTNAME.matcher(hostname).matches()) {
      throw Refusal.invalidArgument(
          "the hostname %s is not made of at most %d letters, digits, - and ."
              .formatted(Identifiers.shortened(hostname), LONGEST_HOSTNAME));
    }
    // As with containerd: a pod of the host's network shares the host's name with it.
    if (!hostname.isEmpty()
        && pod.getLinux().getSecurityContext().getNamespaceOptions().getNetwork()
            == NamespaceMode.NODE) {
      throw Refusal.invalidArgument(
          "the pod is on the host's network, whose hostname is the host's; leave hostname %s out"
              .formatted(Identifiers.shortened(hostname)));
    }
    absoluteOrEmpty("log_directory", pod.getLogDirectory());
    NamespaceOption namespaces = pod.getLinux().getSecurityContext().getNamespaceOptions();
    NamespacePlan.checkUserNamespaces(namespaces, namespaces);
    // Both drivers refuse a parent that climbs; which of them is used does not matter here.
    CgroupPath.of(pod.getLinux().getCgroupParent(), "pod", false);
    bounded("labels", pod.getLabelsMap());
    bounded("annotations", pod.getAnnotationsMap());
    ResourceLimits.check(pod.getLinux().getResources());
    ResourceLimits.check(pod.getLinux().getOverhead());
    pod.getPortMappingsList()
        .forEach(
            mapping -> {
              port("container_port", mapping.getContainerPort());
              port("host_port", mapping.getHostPort());
            });
  }

  /**
   * Checks the request for a container.
   *
   * @throws Refusal INVALID_ARGUMENT
   */
  public static void check(ContainerConfig container) {
    if (!container.hasMetadata()) {
      throw Refusal.invalidArgument("the container has no metadata; give its name");
    }
    name("the container's metadata.name", container.getMetadata().getName());
    if (container.getImage().getImage().isEmpty()) {
      throw Refusal.invalidArgument(
          "container %s names no image; set image.image"
              .formatted(Identifiers.shortened(container.getMetadata().getName())));
    }
    String log = container.getLogPath();
    ProcessArgs.refuseZeroByte("log_path", log);
    for (Path part : Path.of(log)) {
      if (part.toString().equals("..")) {
        throw Refusal.invalidArgument(
            "log_path %s climbs with ..; keep it below the pod's log_directory"
                .formatted(Identifiers.shortened(log)));
      }
    }
    bounded("labels", container.getLabelsMap());
    bounded("annotations", container.getAnnotationsMap());
    container.getMountsList().forEach((Mount mount) -> MountPlan.check(mount));
    container.getDevicesList().forEach((Device device) -> DeviceList.check(device));
    ResourceLimits.check(container.getLinux().getResources());
  }

  private static void name(String what, String name) {
    if (name.isEmpty()) {
      throw Refusal.invalidArgument(what + " is empty; give one");
    }
    if (name.length() > LONGEST_NAME) {
      throw Refusal.invalidArgument(
          "%s %s has %d characters; at most %d are allowed"
              .formatted(what, Identifiers.shortened(name), name.length(), LONGEST_NAME));
    }
    // It would end up in logs. No path is made of a name, so a slash does no harm.
    if (name.chars().anyMatch(Character::isISOControl)) {
      throw Refusal.invalidArgument(
          what + " " + Identifiers.shortened(name) + " holds a control character");
    }
  }

  private static void absoluteOrEmpty(String what, String path) {
    ProcessArgs.refuseZeroByte(what, path);
    if (!path.isEmpty() && !path.startsWith("/")) {
      throw Refusal.invalidArgument(
          what + " " + Identifiers.shortened(path) + " is relative; give an absolute one");
    }
  }

  private static void bounded(String what, Map<String, String> map) {
    long bytes =
        map.entrySet().stream().mapToLong(e -> e.getKey().length() + e.getValue().length()).sum();
    if (bytes > MOST_METADATA_BYTES) {
      throw Refusal.invalidArgument(
          "the %s have %d characters together; at most %d are allowed"
              .formatted(what, bytes, MOST_METADATA_BYTES));
    }
  }

  private static void port(String what, int port) {
    if (port < 0 || port > 65535) {
      throw Refusal.invalidArgument("%s %d is not from 0 to 65535".formatted(what, port));
    }
  }
}
