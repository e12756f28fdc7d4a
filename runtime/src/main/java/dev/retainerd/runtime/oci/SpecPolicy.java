package dev.retainerd.runtime.oci;

/**
 * What the operator decided about every spec.
 *
 * @param restrictOomScoreAdj never ask for an oom_score_adj below the daemon's own
 * @param unsetSeccompProfile the profile of containers that ask for none: "", "unconfined",
 *     "runtime/default" or "localhost/FILE"
 * @param enableSelinux label containers
 * @param disableApparmor leave AppArmor alone
 * @param tolerateMissingHugetlb drop hugepage limits where the node cannot set them
 * @param disableHugetlb never set hugepage limits
 * @param deviceOwnershipFromUser give devices to the container's user
 * @param unprivilegedPorts let any user of a pod bind low ports
 * @param unprivilegedIcmp let any user of a pod send pings
 */
public record SpecPolicy(
    boolean restrictOomScoreAdj,
    String unsetSeccompProfile,
    boolean enableSelinux,
    boolean disableApparmor,
    boolean tolerateMissingHugetlb,
    boolean disableHugetlb,
    boolean deviceOwnershipFromUser,
    boolean unprivilegedPorts,
    boolean unprivilegedIcmp) {

  /** What holds where nothing is configured. */
  public static SpecPolicy defaults() {
    return new SpecPolicy(false, "", false, false, true, true, false, true, true);
  }
}
