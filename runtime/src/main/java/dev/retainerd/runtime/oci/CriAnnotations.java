package dev.retainerd.runtime.oci;

import com.google.gson.JsonObject;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.util.List;
import java.util.Map;

/**
 * The annotations by which an OCI runtime and tools on the node know a CRI container: containerd's
 * names, and those of the request that the runtime handler lets through.
 */
final class CriAnnotations {
  private static final String PREFIX = "io.kubernetes.cri.";

  private CriAnnotations() {}

  static JsonObject ofContainer(ContainerInput input) {
    JsonObject json = new JsonObject();
    handOn(json, input.pod().getAnnotationsMap(), input.handler().podAnnotations());
    handOn(json, input.config().getAnnotationsMap(), input.handler().containerAnnotations());
    ofPod(json, "container", input.sandboxId(), input.pod());
    json.addProperty(PREFIX + "container-name", input.config().getMetadata().getName());
    json.addProperty(PREFIX + "image-name", input.imageName());
    return json;
  }

  static JsonObject ofSandbox(SandboxInput input) {
    JsonObject json = new JsonObject();
    handOn(json, input.pod().getAnnotationsMap(), input.handler().podAnnotations());
    ofPod(json, "sandbox", input.id(), input.pod());
    json.addProperty(PREFIX + "sandbox-log-directory", input.pod().getLogDirectory());
    json.addProperty(PREFIX + "podsandbox.image-name", input.imageName());
    if (input.pod().getLinux().hasResources()) {
      LinuxContainerResources resources = input.pod().getLinux().getResources();
      json.addProperty(PREFIX + "sandbox-cpu-period", resources.getCpuPeriod() + "");
      json.addProperty(PREFIX + "sandbox-cpu-quota", resources.getCpuQuota() + "");
      json.addProperty(PREFIX + "sandbox-cpu-shares", resources.getCpuShares() + "");
      json.addProperty(PREFIX + "sandbox-memory", resources.getMemoryLimitInBytes() + "");
    }
    return json;
  }

  private static void ofPod(JsonObject json, String type, String sandboxId, PodSandboxConfig pod) {
    json.addProperty(PREFIX + "container-type", type);
    json.addProperty(PREFIX + "sandbox-id", sandboxId);
    json.addProperty(PREFIX + "sandbox-namespace", pod.getMetadata().getNamespace());
    json.addProperty(PREFIX + "sandbox-uid", pod.getMetadata().getUid());
    json.addProperty(PREFIX + "sandbox-name", pod.getMetadata().getName());
  }

  private static void handOn(
      JsonObject json, Map<String, String> annotations, List<String> patterns) {
    annotations.forEach(
        (name, value) -> {
          if (patterns.stream().anyMatch(pattern -> matches(pattern, name))) {
            json.addProperty(name, value);
          }
        });
  }

  /**
   * Go's path.Match without character classes: {@code *} is any run without a slash, {@code ?} any
   * one character but a slash. Takes time proportional to the lengths' product at most.
   */
  static boolean matches(String pattern, String name) {
    boolean[] reached = new boolean[name.length() + 1];
    reached[0] = true;
    for (char wanted : pattern.toCharArray()) {
      boolean[] next = new boolean[name.length() + 1];
      if (wanted == '*') {
        for (int i = 0; i <= name.length(); i++) {
          next[i] = reached[i] || i > 0 && next[i - 1] && name.charAt(i - 1) != '/';
        }
      } else {
        for (int i = 0; i < name.length(); i++) {
          char c = name.charAt(i);
          next[i + 1] = reached[i] && (wanted == '?' ? c != '/' : c == wanted);
        }
      }
      reached = next;
    }
    return reached[name.length()];
  }
}
