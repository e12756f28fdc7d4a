package dev.retainerd.runtime.daemon;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.retainerd.eventlog.proto.RunsAs;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.config.RuntimeHandler;
import dev.retainerd.runtime.container.ContainerSpecs;
import dev.retainerd.runtime.namespaces.IdMappings;
import dev.retainerd.runtime.oci.AccountFiles;
import dev.retainerd.runtime.oci.BaseSpec;
import dev.retainerd.runtime.oci.CdiDevices;
import dev.retainerd.runtime.oci.ContainerInput;
import dev.retainerd.runtime.oci.HandlerTraits;
import dev.retainerd.runtime.oci.ImageDefaults;
import dev.retainerd.runtime.oci.PodNamespaces;
import dev.retainerd.runtime.oci.SandboxInput;
import dev.retainerd.runtime.oci.SpecBuilder;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Specs of CRI containers and pause processes, from what the daemon knows of their pods.
 *
 * @param cdi devices by the Container Device Interface; without folders there are none
 * @param mounts folder for looking into root file systems
 */
record CriSpecs(
    SpecBuilder builder,
    CdiDevices cdi,
    ImageDefinedVolumes volumes,
    ImageAccounts accounts,
    PodFolders folders,
    dev.retainerd.runtime.sandbox.PodNamespaces pods,
    RuncOptions runtimes,
    Path mounts)
    implements ContainerSpecs {

  @Override
  public Made of(Input input) {
    String chainId = input.image().chainId();
    Optional<AccountFiles> known = accounts.of(chainId);
    if (known.isPresent() && !volumes.declaredBy(input.image().config())) {
      return spec(input, input.config(), known.get());
    }
    try (TemporaryMount rootfs = TemporaryMount.of(input.rootfs(), mounts, input.containerId())) {
      ContainerConfig config =
          volumes.added(input.config(), input.image().config(), input.containerId(), rootfs.path());
      return spec(input, config, accounts.read(chainId, rootfs.path()));
    }
  }

  private Made spec(Input input, ContainerConfig config, AccountFiles users) {
    SandboxRecord sandbox = input.sandbox();
    PodSandboxConfig pod = dev.retainerd.runtime.sandbox.SandboxService.config(sandbox);
    JsonObject spec =
        builder.container(
            new ContainerInput(
                input.containerId(),
                sandbox.getId(),
                input.image().reference(),
                config,
                pod,
                defaults(input.image().config()),
                users,
                "rootfs",
                PodFolders.hostname(sandbox),
                namespaces(sandbox, input.pausePid()),
                input.targetPid() == 0 ? Optional.empty() : Optional.of(pidns(input.targetPid())),
                folders.files(sandbox),
                input.imageMounts(),
                traits(sandbox.getRuntimeHandler())));
    cdi.inject(spec, input.config());
    return new Made(spec.toString().getBytes(StandardCharsets.UTF_8), runsAs(spec));
  }

  private static RunsAs runsAs(JsonObject spec) {
    JsonObject user = spec.getAsJsonObject("process").getAsJsonObject("user");
    RunsAs.Builder runsAs =
        RunsAs.newBuilder().setUid(user.get("uid").getAsLong()).setGid(user.get("gid").getAsLong());
    if (user.has("additionalGids")) {
      user.getAsJsonArray("additionalGids").forEach(gid -> runsAs.addGroups(gid.getAsLong()));
    }
    return runsAs.build();
  }

  @Override
  public Updated updated(byte[] spec, LinuxContainerResources resources) {
    JsonObject before =
        JsonParser.parseString(new String(spec, StandardCharsets.UTF_8)).getAsJsonObject();
    JsonObject limits = builder.limits(resources);
    return new Updated(
        SpecBuilder.withLimits(before, limits).toString().getBytes(StandardCharsets.UTF_8),
        limits.toString().getBytes(StandardCharsets.UTF_8));
  }

  /** The spec of a pod's pause process. */
  byte[] ofPause(SandboxRecord sandbox, PodSandboxConfig pod, Path rootfs, List<String> command) {
    JsonObject spec =
        builder.sandbox(
            new SandboxInput(
                sandbox.getId(),
                pod,
                "",
                new ImageDefaults(command, List.of(), List.of(), "", "/"),
                rootfs,
                rootfs.toString(),
                sandbox.getHostname(),
                namespaces(sandbox, 0),
                folders.files(sandbox),
                traits(sandbox.getRuntimeHandler())));
    return spec.toString().getBytes(StandardCharsets.UTF_8);
  }

  private PodNamespaces namespaces(SandboxRecord sandbox, int pausePid) {
    return new PodNamespaces(
        path(sandbox.getNetnsPath()),
        path(sandbox.getIpcnsPath()),
        path(sandbox.getUtsnsPath()),
        pausePid == 0 ? Optional.empty() : Optional.of(pidns(pausePid)),
        PodUsers.of(sandbox).equals(IdMappings.NONE)
            ? Optional.empty()
            : Optional.of(pods.user(sandbox.getId())));
  }

  private static Path pidns(int pid) {
    return Path.of("/proc/" + pid + "/ns/pid");
  }

  private static Optional<Path> path(String path) {
    return path.isEmpty() ? Optional.empty() : Optional.of(Path.of(path));
  }

  private HandlerTraits traits(String name) {
    RuntimeHandler handler = runtimes.handler(name);
    return new HandlerTraits(
        handler.systemdCgroup(),
        handler.podAnnotations(),
        handler.containerAnnotations(),
        handler.privilegedWithoutHostDevices(),
        handler.privilegedWithoutHostDevicesAllDevicesAllowed(),
        handler.cgroupWritable(),
        true,
        handler.baseRuntimeSpec().map(BaseSpec::read));
  }

  private static ImageDefaults defaults(JsonObject config) {
    return new ImageDefaults(
        strings(config, "Entrypoint"),
        strings(config, "Cmd"),
        strings(config, "Env"),
        string(config, "User"),
        string(config, "WorkingDir"));
  }

  private static List<String> strings(JsonObject config, String name) {
    JsonElement value = config.get(name);
    List<String> found = new ArrayList<>();
    if (value != null && value.isJsonArray()) {
      for (JsonElement element : (JsonArray) value) {
        found.add(element.getAsString());
      }
    }
    return found;
  }

  private static String string(JsonObject config, String name) {
    JsonElement value = config.get(name);
    return value == null || value.isJsonNull() ? "" : value.getAsString();
  }
}
