package dev.retainerd.runtime.daemon;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.retainerd.eventlog.LogStatus;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.runtime.config.RuntimeHandler;
import dev.retainerd.runtime.recovery.api.DoctorApi;
import java.util.Collection;
import java.util.Map;

/**
 * What a verbose Status adds: the configuration, under containerd's names where it has one, and the
 * state of the log and of the network.
 */
record NodeInfo(DaemonConfig config, Services services) {

  Map<String, String> all() {
    String network = services.network().notReadyReason().orElse("OK");
    return Map.of(
        "config",
        settings().toString(),
        "eventLog",
        log().toString(),
        "lastCNILoadStatus",
        network,
        "cniStatus",
        network);
  }

  private JsonObject log() {
    LogStatus status = services.journal().log().status();
    JsonObject log = new JsonObject();
    log.addProperty("lastSequence", status.lastSequence());
    log.addProperty("durableSequence", status.durableSequence());
    log.addProperty("durability", status.durability().word());
    log.addProperty("generation", status.generation());
    JsonArray damages = new JsonArray();
    DoctorApi.damages(services.journal().state()).forEach(damages::add);
    log.add("damages", damages);
    return log;
  }

  private JsonObject settings() {
    JsonObject settings = new JsonObject();
    settings.addProperty("root", config.root().toString());
    settings.addProperty("state", config.state().toString());
    settings.addProperty("rootDir", config.root().toString());
    settings.addProperty("stateDir", config.state().toString());
    settings.addProperty("containerdRootDir", config.root().toString());
    settings.addProperty("containerdEndpoint", config.socket().address().toString());
    settings.addProperty("defaultRuntime", config.defaultRuntimeName());
    settings.addProperty("cniConfDir", config.cni().confDir().toString());
    JsonObject containerd = new JsonObject();
    containerd.addProperty("defaultRuntimeName", config.defaultRuntimeName());
    containerd.addProperty("snapshotter", config.images().snapshotter());
    JsonObject runtimes = new JsonObject();
    config.runtimes().forEach((name, handler) -> runtimes.add(name, runtime(handler)));
    containerd.add("runtimes", runtimes);
    settings.add("containerd", containerd);
    JsonObject cni = new JsonObject();
    cni.add("binDirs", json(config.cni().binDirs()));
    cni.addProperty("confDir", config.cni().confDir().toString());
    cni.addProperty("maxConfNum", config.cni().maxConfNum());
    settings.add("cni", cni);
    settings.addProperty("streamServerAddress", config.streams().address());
    settings.addProperty("streamServerPort", Integer.toString(config.streams().port()));
    settings.addProperty("streamIdleTimeout", config.streams().idleTimeout().toString());
    settings.addProperty("enableTLSStreaming", config.streams().tls());
    var cri = config.cri();
    settings.addProperty("enableSelinux", cri.enableSelinux());
    settings.addProperty("disableApparmor", cri.disableApparmor());
    settings.addProperty("restrictOOMScoreAdj", cri.restrictOomScoreAdj());
    settings.addProperty("unsetSeccompProfile", cri.unsetSeccompProfile());
    settings.addProperty("maxContainerLogSize", cri.maxLogLineBytes());
    settings.addProperty(
        "tolerateMissingHugetlbController", cri.tolerateMissingHugetlbController());
    settings.addProperty("disableHugetlbController", cri.disableHugetlbController());
    settings.addProperty("ignoreImageDefinedVolumes", cri.ignoreImageDefinedVolumes());
    settings.addProperty("enableUnprivilegedPorts", cri.enableUnprivilegedPorts());
    settings.addProperty("enableUnprivilegedICMP", cri.enableUnprivilegedIcmp());
    return settings;
  }

  private static JsonObject runtime(RuntimeHandler handler) {
    JsonObject runtime = new JsonObject();
    runtime.addProperty("runtimeType", handler.type());
    runtime.addProperty("runtimePath", "");
    runtime.addProperty("snapshotter", handler.snapshotter().orElse(""));
    JsonObject options = new JsonObject();
    handler.options().forEach((name, value) -> options.add(name, json(value)));
    runtime.add("options", options);
    runtime.add("PodAnnotations", json(handler.podAnnotations()));
    runtime.add("ContainerAnnotations", json(handler.containerAnnotations()));
    runtime.addProperty("privileged_without_host_devices", handler.privilegedWithoutHostDevices());
    runtime.addProperty("cgroupWritable", handler.cgroupWritable());
    return runtime;
  }

  private static JsonElement json(Object value) {
    return switch (value) {
      case Number number -> new JsonPrimitive(number);
      case Boolean flag -> new JsonPrimitive(flag);
      case Collection<?> many -> {
        JsonArray array = new JsonArray();
        many.forEach(one -> array.add(json(one)));
        yield array;
      }
      default -> new JsonPrimitive(String.valueOf(value));
    };
  }
}
