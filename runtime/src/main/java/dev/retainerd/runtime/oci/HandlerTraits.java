package dev.retainerd.runtime.oci;

import com.google.gson.JsonObject;
import java.util.List;
import java.util.Optional;

/**
 * What the runtime handler of a pod means for its specs.
 *
 * @param systemdCgroup cgroup paths are written for systemd: slice:prefix:name
 * @param podAnnotations patterns (as of Go's path.Match) of pod annotations to hand on
 * @param containerAnnotations the same of container annotations
 * @param privilegedWithoutHostDevices privileged containers get no devices of the host
 * @param allDevicesAllowed yet their device cgroup allows all
 * @param cgroupWritable the cgroup is mounted writable in unprivileged containers
 * @param recursiveReadOnly the OCI runtime knows the mount option rro
 * @param baseSpec the spec to begin with instead of the built-in one
 */
public record HandlerTraits(
    boolean systemdCgroup,
    List<String> podAnnotations,
    List<String> containerAnnotations,
    boolean privilegedWithoutHostDevices,
    boolean allDevicesAllowed,
    boolean cgroupWritable,
    boolean recursiveReadOnly,
    Optional<JsonObject> baseSpec) {

  public HandlerTraits {
    podAnnotations = List.copyOf(podAnnotations);
    containerAnnotations = List.copyOf(containerAnnotations);
  }

  /** runc or crun of today, without special wishes. */
  public static HandlerTraits defaults() {
    return new HandlerTraits(
        false, List.of(), List.of(), false, false, false, true, Optional.empty());
  }
}
