package dev.retainerd.runtime.oci;

import dev.retainerd.runtime.cgroup.OwnCgroup;
import dev.retainerd.runtime.linux.KernelCapabilities;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;

/**
 * What this node and this daemon can do, as far as a spec depends on it.
 *
 * @param oomScoreAdj the daemon's own oom_score_adj
 * @param capabilities those the daemon holds, with the prefix CAP_
 * @param seccomp whether the kernel has seccomp filters
 * @param selinux whether SELinux is on
 * @param apparmorProfiles the profiles that are loaded; none where the host has no AppArmor
 * @param unifiedCgroups whether /sys/fs/cgroup is cgroup v2 alone
 * @param swap whether cgroups can limit swap
 * @param hugetlb whether cgroups can limit huge pages
 * @param architecture as the JVM calls it: amd64, aarch64 ...
 */
public record HostTraits(
    int oomScoreAdj,
    Set<String> capabilities,
    boolean seccomp,
    boolean selinux,
    Optional<Set<String>> apparmorProfiles,
    boolean unifiedCgroups,
    boolean swap,
    boolean hugetlb,
    String architecture) {
  private static final Path CGROUP = Path.of("/sys/fs/cgroup");
  private static final Path APPARMOR = Path.of("/sys/kernel/security/apparmor/profiles");

  public HostTraits {
    capabilities = Set.copyOf(capabilities);
    apparmorProfiles = apparmorProfiles.map(Set::copyOf);
  }

  /** Whether the daemon may give a process a lower oom_score_adj than its own. */
  public boolean canLowerOomScoreAdj() {
    return capabilities.contains("CAP_SYS_RESOURCE");
  }

  /** Reads them from /proc and /sys of this machine. */
  public static HostTraits read() throws IOException {
    String status = Files.readString(Path.of("/proc/self/status"));
    boolean unified = Files.exists(CGROUP.resolve("cgroup.controllers"));
    return new HostTraits(
        Integer.parseInt(Files.readString(Path.of("/proc/self/oom_score_adj")).strip()),
        KernelCapabilities.ofMask(Long.parseUnsignedLong(field(status, "CapEff"), 16)),
        !field(status, "Seccomp").isEmpty(),
        Files.exists(Path.of("/sys/fs/selinux/enforce")),
        loadedProfiles(),
        unified,
        swap(unified),
        hugetlb(unified),
        System.getProperty("os.arch"));
  }

  private static String field(String status, String name) {
    return status
        .lines()
        .filter(line -> line.startsWith(name + ":"))
        .map(line -> line.substring(name.length() + 1).strip())
        .findFirst()
        .orElse("");
  }

  private static Optional<Set<String>> loadedProfiles() throws IOException {
    if (!Files.isReadable(APPARMOR)) {
      return Optional.empty();
    }
    Set<String> names = new LinkedHashSet<>();
    for (String line : Files.readAllLines(APPARMOR)) {
      int mode = line.lastIndexOf(" (");
      names.add(mode < 0 ? line : line.substring(0, mode));
    }
    return Optional.of(names);
  }

  private static boolean swap(boolean unified) throws IOException {
    if (!unified) {
      return Files.exists(CGROUP.resolve("memory/memory.memsw.limit_in_bytes"));
    }
    // The root cgroup has no memory.swap.max, so the daemon's own tells.
    return OwnCgroup.read()
        .unified()
        .filter(path -> !path.equals("/"))
        .map(path -> CGROUP.resolve(path.substring(1)).resolve("memory.swap.max"))
        .filter(Files::exists)
        .isPresent();
  }

  private static boolean hugetlb(boolean unified) throws IOException {
    return unified
        ? Files.readString(CGROUP.resolve("cgroup.controllers")).contains("hugetlb")
        : Files.isDirectory(CGROUP.resolve("hugetlb"));
  }
}
