package dev.retainerd.runtime.oci;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.Device;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.LinuxContainerSecurityContext;
import dev.retainerd.wire.cri.v1.LinuxSandboxSecurityContext;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.SELinuxOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Makes the OCI runtime specs (config.json) of CRI containers and of pause processes, with
 * containerd's CRI as the model for every rule.
 *
 * <p>Besides reading the container's root file system, profiles and device nodes it has one effect:
 * a bind mount's missing host path is made as a folder, as containerd does. Whatever cannot be
 * carried out is a {@link Refusal} before anything else exists. Thread-safe.
 */
public final class SpecBuilder {
  private static final String OCI_VERSION = "1.0.2";
  private static final int SANDBOX_CPU_SHARES = 2;

  private final HostTraits host;
  private final SpecPolicy policy;

  public SpecBuilder(HostTraits host, SpecPolicy policy) {
    this.host = host;
    this.policy = policy;
  }

  /** The spec of a CRI container. */
  public JsonObject container(ContainerInput input) {
    RequestRules.check(input.config());
    LinuxContainerSecurityContext security = input.config().getLinux().getSecurityContext();
    LinuxSandboxSecurityContext ofPod = input.pod().getLinux().getSecurityContext();
    if (security.getPrivileged() && !ofPod.getPrivileged()) {
      throw Refusal.invalidArgument(
          ("container %s is privileged, its pod is not: failed to generate spec opts: no privileged"
                  + " container allowed in sandbox; make the pod privileged too")
              .formatted(Identifiers.shortened(input.config().getMetadata().getName())));
    }
    JsonObject spec = template(input.handler());
    Capabilities capabilities = capabilities(security);
    containerProcess(JsonTree.child(spec, "process"), input, capabilities);
    spec.add(
        "root",
        JsonTree.object("path", input.rootPath(), "readonly", security.getReadonlyRootfs()));
    MountPlan mounts = MountPlan.of(input, host);
    spec.add("mounts", mounts.toJson());
    merge(JsonTree.child(spec, "annotations"), CriAnnotations.ofContainer(input));

    JsonObject linux = JsonTree.child(spec, "linux");
    if (!mounts.rootfsPropagation().isEmpty()) {
      linux.addProperty("rootfsPropagation", mounts.rootfsPropagation());
    }
    linux.add("namespaces", NamespacePlan.ofContainer(input, host).toJson());
    if (NamespacePlan.hasUserNamespace(input)) {
      userMappings(linux, input.pod());
    }
    linux.addProperty("cgroupsPath", cgroup(input));
    containerResources(linux, input);
    boolean unmasked = security.getPrivileged();
    linux.add("maskedPaths", JsonTree.array(unmasked ? List.of() : security.getMaskedPathsList()));
    List<String> readonly = new ArrayList<>(unmasked ? List.of() : security.getReadonlyPathsList());
    if (MountPlan.sharesSysfsWithPrivileged(input)) {
      readonly.add(MountPlan.SYSFS);
    }
    linux.add("readonlyPaths", JsonTree.array(readonly));
    SecurityProfiles.seccomp(
            security.hasSeccomp() ? security.getSeccomp() : null,
            oldSeccomp(security),
            security.getPrivileged(),
            capabilities.bounding(),
            host,
            policy)
        .ifPresent(filter -> linux.add("seccomp", filter));
    labels(spec, SecurityProfiles.selinux(selinux(security, ofPod), unmasked, host, policy));
    return spec;
  }

  /** The spec of a pod's pause process. */
  public JsonObject sandbox(SandboxInput input) {
    RequestRules.check(input.pod());
    LinuxSandboxSecurityContext security = input.pod().getLinux().getSecurityContext();
    JsonObject spec = template(HandlerTraits.defaults());
    Capabilities capabilities = Capabilities.standard();
    sandboxProcess(JsonTree.child(spec, "process"), input, capabilities);
    spec.add("root", JsonTree.object("path", input.rootPath(), "readonly", true));
    if (input.namespaces().uts().isPresent() && !input.hostname().isEmpty()) {
      spec.addProperty("hostname", input.hostname());
    }
    spec.add("mounts", sandboxMounts(input));
    spec.add("annotations", CriAnnotations.ofSandbox(input));

    JsonObject linux = JsonTree.child(spec, "linux");
    linux.add("namespaces", NamespacePlan.ofSandbox(input, host).toJson());
    if (NamespacePlan.hasUserNamespace(NamespacePlan.options(input.pod()))) {
      userMappings(linux, input.pod());
    }
    String parent = input.pod().getLinux().getCgroupParent();
    linux.addProperty(
        "cgroupsPath", CgroupPath.of(parent, input.id(), input.handler().systemdCgroup()));
    JsonObject resources = JsonTree.child(linux, "resources");
    resources.add("devices", new DeviceList().rules());
    JsonTree.child(resources, "cpu").addProperty("shares", SANDBOX_CPU_SHARES);
    SecurityProfiles.seccomp(
            security.hasSeccomp() ? security.getSeccomp() : null,
            oldSeccomp(security),
            security.getPrivileged(),
            capabilities.bounding(),
            host,
            policy)
        .ifPresent(filter -> linux.add("seccomp", filter));
    labels(
        spec,
        SecurityProfiles.selinux(
            security.getSelinuxOptions(), security.getPrivileged(), host, policy));
    return spec;
  }

  /**
   * The process of an exec in a container: its own process with another command.
   *
   * @param containerSpec the container's spec, which stays as it is
   */
  public static JsonObject exec(JsonObject containerSpec, List<String> command, boolean terminal) {
    if (command.isEmpty()) {
      throw Refusal.invalidArgument("the exec has no command; give one");
    }
    command.forEach(arg -> ProcessArgs.refuseZeroByte("an argument of the exec", arg));
    JsonObject process = containerSpec.getAsJsonObject("process").deepCopy();
    process.add("args", JsonTree.array(command));
    process.addProperty("terminal", terminal);
    process.remove("consoleSize");
    if (terminal) {
      List<String> env = new ArrayList<>(List.of("TERM=xterm"));
      JsonTree.children(process, "env").forEach(entry -> env.add(entry.getAsString()));
      process.add("env", JsonTree.array(ProcessArgs.merged(env)));
    }
    return process;
  }

  /** Limits as OCI's {@code linux.resources}, without devices. */
  public JsonObject limits(LinuxContainerResources resources) {
    return ResourceLimits.of(resources, host, policy);
  }

  /** The same spec with these limits in the place of those it has for the same things. */
  public static JsonObject withLimits(JsonObject spec, JsonObject limits) {
    JsonObject copy = spec.deepCopy();
    merge(JsonTree.child(JsonTree.child(copy, "linux"), "resources"), limits.deepCopy());
    return copy;
  }

  /** The operator's base spec, or the built-in one: nothing but a version. */
  private static JsonObject template(HandlerTraits handler) {
    JsonObject spec = handler.baseSpec().map(JsonObject::deepCopy).orElseGet(JsonObject::new);
    spec.addProperty("ociVersion", OCI_VERSION);
    return spec;
  }

  private Capabilities capabilities(LinuxContainerSecurityContext security) {
    return security.getPrivileged()
        ? Capabilities.privileged(host)
        : Capabilities.requested(security.getCapabilities(), host);
  }

  private void containerProcess(
      JsonObject process, ContainerInput input, Capabilities capabilities) {
    LinuxContainerSecurityContext security = input.config().getLinux().getSecurityContext();
    process.addProperty("terminal", input.config().getTty());
    ProcessUser user = ProcessUser.ofContainer(security, input.image(), input.accounts());
    process.add("user", user.toJson());
    process.add("args", JsonTree.array(ProcessArgs.commandLine(input.config(), input.image())));
    List<String> env = new ArrayList<>();
    JsonTree.children(process, "env").forEach(entry -> env.add(entry.getAsString()));
    env.addAll(ProcessArgs.environment(input.config(), input.image(), input.hostname()));
    process.add("env", JsonTree.array(ProcessArgs.merged(env)));
    process.addProperty("cwd", workingDir(input));
    process.add("capabilities", capabilities.toJson());
    process.addProperty("noNewPrivileges", security.getNoNewPrivs());
    if (input.config().getLinux().hasResources()) {
      int asked = (int) input.config().getLinux().getResources().getOomScoreAdj();
      process.addProperty("oomScoreAdj", OomScore.possible(asked, host, policy));
    }
    Rlimits.clamp(process, host);
    SecurityProfiles.apparmor(
            security.hasApparmor() ? security.getApparmor() : null,
            oldApparmor(security),
            security.getPrivileged(),
            host,
            policy)
        .ifPresent(profile -> process.addProperty("apparmorProfile", profile));
  }

  private static String workingDir(ContainerInput input) {
    String asked = input.config().getWorkingDir();
    String dir = asked.isEmpty() ? input.image().workingDir() : asked;
    ProcessArgs.refuseZeroByte("working_dir", dir);
    if (dir.isEmpty()) {
      return "/";
    }
    if (!dir.startsWith("/")) {
      if (!asked.isEmpty()) {
        throw Refusal.invalidArgument(
            "working_dir %s is relative; give an absolute one"
                .formatted(Identifiers.shortened(dir)));
      }
      return "/" + dir;
    }
    return dir;
  }

  private void sandboxProcess(JsonObject process, SandboxInput input, Capabilities capabilities) {
    LinuxSandboxSecurityContext security = input.pod().getLinux().getSecurityContext();
    List<String> args = new ArrayList<>(input.image().entrypoint());
    args.addAll(input.image().cmd());
    if (args.isEmpty()) {
      throw Refusal.failedPrecondition(
          "the sandbox image %s has neither entrypoint nor cmd; name another in sandbox_image"
              .formatted(Identifiers.shortened(input.imageName())));
    }
    String user = input.image().user();
    if (security.hasRunAsUser()) {
      user = Long.toString(security.getRunAsUser().getValue());
    }
    if (security.hasRunAsGroup()) {
      if (!security.hasRunAsUser()) {
        throw Refusal.invalidArgument("run_as_group is set without a user; set run_as_user too");
      }
      user += ":" + security.getRunAsGroup().getValue();
    }
    process.addProperty("terminal", false);
    process.add(
        "user",
        ProcessUser.resolve(
                user, false, security.getSupplementalGroupsList(), AccountFiles.in(input.rootfs()))
            .toJson());
    process.add("args", JsonTree.array(args));
    process.add("env", JsonTree.array(ProcessArgs.merged(input.image().env())));
    String dir = input.image().workingDir();
    process.addProperty("cwd", dir.isEmpty() ? "/" : dir);
    process.add("capabilities", capabilities.toJson());
    process.addProperty("noNewPrivileges", true);
    process.addProperty("oomScoreAdj", OomScore.possible(OomScore.SANDBOX, host, policy));
  }

  private static JsonArray sandboxMounts(SandboxInput input) {
    List<JsonObject> usual = new ArrayList<>(MountPlan.standard());
    if (input.pod().getLinux().getSecurityContext().getPrivileged()) {
      // The file system is one for all mounts in a network namespace, and as the first asks for it.
      usual.replaceAll(MountPlan::writableSysfs);
    }
    JsonArray mounts = JsonTree.array(usual);
    String[] options = {"rbind", "ro", "nosuid", "nodev", "noexec"};
    Optional<Path> shm = input.files().shm();
    shm.ifPresent(
        path -> mounts.add(MountPlan.mount("/dev/shm", "bind", path.toString(), options)));
    // The pause program reads none, and in a user namespace nobody could make the file to cover.
    Optional<Path> resolv =
        NamespacePlan.hasUserNamespace(NamespacePlan.options(input.pod()))
            ? Optional.empty()
            : input.files().resolvConf();
    resolv.ifPresent(
        path -> mounts.add(MountPlan.mount("/etc/resolv.conf", "bind", path + "", options)));
    return mounts;
  }

  private void containerResources(JsonObject linux, ContainerInput input) {
    LinuxContainerSecurityContext security = input.config().getLinux().getSecurityContext();
    DeviceList devices = new DeviceList();
    for (Device device : input.config().getDevicesList()) {
      devices.addRequested(device, security, policy);
    }
    if (security.getPrivileged()) {
      if (!input.handler().privilegedWithoutHostDevices()) {
        devices.addAllOfNode();
        devices.allowAll();
      } else if (input.handler().allDevicesAllowed()) {
        devices.allowAll();
      }
    }
    linux.add("devices", devices.devices());
    JsonObject resources = JsonTree.child(linux, "resources");
    merge(resources, ResourceLimits.of(input.config().getLinux().getResources(), host, policy));
    resources.add("devices", devices.rules());
  }

  private static String cgroup(ContainerInput input) {
    String parent = input.pod().getLinux().getCgroupParent();
    return CgroupPath.of(parent, input.id(), input.handler().systemdCgroup());
  }

  private static void userMappings(JsonObject linux, PodSandboxConfig pod) {
    var mappings = NamespacePlan.options(pod).getUsernsOptions();
    // Also beside the path of a namespace: runc wants to know who its root is.
    linux.add("uidMappings", MountPlan.mappings(mappings.getUidsList()));
    linux.add("gidMappings", MountPlan.mappings(mappings.getGidsList()));
  }

  /** The container's own SELinux options, else its pod's. */
  private static SELinuxOption selinux(
      LinuxContainerSecurityContext security, LinuxSandboxSecurityContext ofPod) {
    return security.hasSelinuxOptions() ? security.getSelinuxOptions() : ofPod.getSelinuxOptions();
  }

  private static void labels(JsonObject spec, Optional<SecurityProfiles.SelinuxLabels> labels) {
    labels.ifPresent(
        found -> {
          JsonTree.child(spec, "process").addProperty("selinuxLabel", found.process());
          JsonTree.child(spec, "linux").addProperty("mountLabel", found.mount());
        });
  }

  @SuppressWarnings("deprecation") // Kubelets before 1.24 say it in this field alone.
  private static String oldSeccomp(LinuxContainerSecurityContext security) {
    return security.getSeccompProfilePath();
  }

  @SuppressWarnings("deprecation") // As above.
  private static String oldSeccomp(LinuxSandboxSecurityContext security) {
    return security.getSeccompProfilePath();
  }

  @SuppressWarnings("deprecation") // Kubelets before 1.30 say it in this field alone.
  private static String oldApparmor(LinuxContainerSecurityContext security) {
    return security.getApparmorProfile();
  }

  private static void merge(JsonObject into, JsonObject from) {
    for (var entry : from.entrySet()) {
      JsonElement there = into.get(entry.getKey());
      if (there instanceof JsonObject object && entry.getValue() instanceof JsonObject more) {
        merge(object, more);
      } else {
        into.add(entry.getKey(), entry.getValue());
      }
    }
  }
}
