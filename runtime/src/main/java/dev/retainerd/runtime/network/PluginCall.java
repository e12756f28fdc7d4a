package dev.retainerd.runtime.network;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.error.Refusal;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The two things a plugin is given for one pod and one interface: variables in its environment and
 * a configuration derived from its entry in the list (CNI specification, sections 2 and 3).
 */
record PluginCall(PodNetworkRequest request, String interfaceName) {
  private static final long UNLIMITED_BURST = 0xffffffffL;

  /** Variables but CNI_COMMAND and CNI_PATH, which are the runner's. */
  Map<String, String> environment() {
    Map<String, String> variables = new HashMap<>();
    variables.put("CNI_CONTAINERID", request.sandboxId());
    variables.put("CNI_IFNAME", interfaceName);
    // A namespace that is gone is given as none: plugins then release what lies outside of it.
    variables.put("CNI_NETNS", Files.exists(request.netns()) ? request.netns().toString() : "");
    variables.put("CNI_ARGS", arguments());
    return variables;
  }

  private String arguments() {
    StringBuilder text = new StringBuilder("IgnoreUnknown=1");
    podArguments()
        .forEach(
            (key, value) -> {
              // A value that cannot be carried was refused at ADD; DEL goes on without it.
              if (isPlain(value)) {
                text.append(';').append(key).append('=').append(value);
              }
            });
    return text.toString();
  }

  private Map<String, String> podArguments() {
    Map<String, String> pairs = new LinkedHashMap<>();
    pairs.put("K8S_POD_NAMESPACE", request.podNamespace());
    pairs.put("K8S_POD_NAME", request.podName());
    pairs.put("K8S_POD_INFRA_CONTAINER_ID", request.sandboxId());
    pairs.put("K8S_POD_UID", request.podUid());
    return pairs;
  }

  private static boolean isPlain(String value) {
    return value.chars().noneMatch(c -> c == ';' || c == '=' || c == 0);
  }

  /** Refuses a pod whose names would be read as further arguments by a plugin. */
  void requirePlainArguments() {
    podArguments()
        .forEach(
            (key, value) -> {
              if (!isPlain(value)) {
                throw Refusal.invalidArgument(
                    key + " of the pod is \"" + value + "\"; CNI_ARGS cannot carry ; or =");
              }
            });
  }

  /** The configuration for one plugin of the list. */
  JsonObject config(NetworkList list, JsonObject plugin, Optional<JsonObject> previousResult) {
    JsonObject config = plugin.deepCopy();
    config.addProperty("name", list.name());
    config.addProperty("cniVersion", list.version().toString());
    config.remove("capabilities");
    JsonObject runtimeConfig = runtimeConfig(plugin);
    if (!runtimeConfig.isEmpty()) {
      config.add("runtimeConfig", runtimeConfig);
    }
    previousResult.ifPresent(result -> config.add("prevResult", result));
    return config;
  }

  /** Of what the pod wishes, that which this plugin says it is capable of. */
  private JsonObject runtimeConfig(JsonObject plugin) {
    JsonObject wishes = wishes();
    JsonObject chosen = new JsonObject();
    Json.child(plugin, "capabilities")
        .ifPresent(
            capabilities -> {
              for (String name : wishes.keySet()) {
                if (Json.flag(capabilities, name)) {
                  chosen.add(name, wishes.get(name));
                }
              }
            });
    return chosen;
  }

  private JsonObject wishes() {
    JsonObject wishes = new JsonObject();
    JsonArray ports = new JsonArray();
    request.portMappings().stream()
        .filter(mapping -> mapping.hostPort() > 0)
        .forEach(mapping -> ports.add(port(mapping)));
    if (!ports.isEmpty()) {
      wishes.add("portMappings", ports);
    }
    request.bandwidth().ifPresent(limit -> wishes.add("bandwidth", bandwidth(limit)));
    request.dns().ifPresent(dns -> wishes.add("dns", dns(dns)));
    if (!request.ips().isEmpty()) {
      wishes.add("ips", Json.array(request.ips()));
    }
    request.mac().ifPresent(mac -> wishes.addProperty("mac", mac));
    if (!request.cgroupPath().isEmpty()) {
      wishes.addProperty("cgroupPath", request.cgroupPath());
    }
    if (!request.podAnnotations().isEmpty()) {
      JsonObject annotations = new JsonObject();
      request.podAnnotations().forEach(annotations::addProperty);
      wishes.add("io.kubernetes.cri.pod-annotations", annotations);
    }
    return wishes;
  }

  private static JsonObject port(PodNetworkRequest.PortMapping mapping) {
    JsonObject port = new JsonObject();
    port.addProperty("hostPort", mapping.hostPort());
    port.addProperty("containerPort", mapping.containerPort());
    port.addProperty("protocol", mapping.protocol());
    port.addProperty("hostIP", mapping.hostIp());
    return port;
  }

  private static JsonObject bandwidth(Bandwidth limit) {
    JsonObject object = new JsonObject();
    limit
        .ingressBitsPerSecond()
        .ifPresent(
            rate -> {
              object.addProperty("ingressRate", rate);
              object.addProperty("ingressBurst", UNLIMITED_BURST);
            });
    limit
        .egressBitsPerSecond()
        .ifPresent(
            rate -> {
              object.addProperty("egressRate", rate);
              object.addProperty("egressBurst", UNLIMITED_BURST);
            });
    return object;
  }

  private static JsonObject dns(PodNetworkRequest.Dns dns) {
    JsonObject object = new JsonObject();
    Map<String, List<String>> members =
        Map.of("servers", dns.servers(), "searches", dns.searches(), "options", dns.options());
    members.forEach((name, values) -> object.add(name, Json.array(values)));
    return object;
  }
}
