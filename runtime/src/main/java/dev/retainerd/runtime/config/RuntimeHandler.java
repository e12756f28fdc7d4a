package dev.retainerd.runtime.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A way to run containers, by the name that CRI calls a runtime handler.
 *
 * @param type containerd's runtime type, such as io.containerd.runc.v2
 * @param engine the OCI runtime: a name to be found on the PATH, or an absolute path
 * @param runtimeRoot folder where the OCI runtime keeps its own state; none for one under state
 * @param systemdCgroup cgroups are made by systemd, and written as slice:prefix:name
 * @param ioUid owner of the container's FIFOs
 * @param ioGid group of the container's FIFOs
 * @param options every option, those above included under their names in the file; values are
 *     strings, longs, doubles, booleans and lists
 * @param podAnnotations patterns of pod annotations that reach the OCI spec
 * @param containerAnnotations patterns of container annotations that reach the OCI spec
 * @param snapshotter where its pods' containers stand, overlayfs or native; none for the usual one
 * @param cniConfDir network lists for pods of this runtime; none for the common ones
 * @param cniMaxConfNum how many of them; 0 for all
 */
public record RuntimeHandler(
    String name,
    String type,
    String engine,
    Optional<Path> runtimeRoot,
    boolean systemdCgroup,
    boolean noPivotRoot,
    boolean noNewKeyring,
    int ioUid,
    int ioGid,
    Map<String, Object> options,
    List<String> podAnnotations,
    List<String> containerAnnotations,
    boolean privilegedWithoutHostDevices,
    boolean privilegedWithoutHostDevicesAllDevicesAllowed,
    boolean cgroupWritable,
    Optional<Path> baseRuntimeSpec,
    Optional<String> snapshotter,
    Optional<Path> cniConfDir,
    int cniMaxConfNum) {

  private static final Set<String> OURS =
      Set.of(
          "io.containerd.runc.v2",
          "io.containerd.runc.v1",
          "io.containerd.runtime.v1.linux",
          "io.containerd.retain.v1");

  public RuntimeHandler {
    options = Map.copyOf(options);
    podAnnotations = List.copyOf(podAnnotations);
    containerAnnotations = List.copyOf(containerAnnotations);
  }

  /** Whether our shim serves this type; others need a shim binary of their own. */
  public boolean servedByOurShim() {
    return isOurs(type);
  }

  static boolean isOurs(String type) {
    return OURS.contains(type);
  }
}
