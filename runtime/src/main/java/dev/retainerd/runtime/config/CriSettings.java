package dev.retainerd.runtime.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * How containers of CRI are made.
 *
 * @param maxLogLineBytes after which a log line is cut in parts; 0 or less for never
 * @param unsetSeccompProfile for containers that ask for none: "", "unconfined", "runtime/default"
 *     or "localhost/FILE"
 * @param cdiFolders where CDI specs are; those of later ones win
 * @param execSyncDrainTimeout how long ExecSync waits for output after the exit; zero for ever
 */
public record CriSettings(
    boolean restrictOomScoreAdj,
    int maxLogLineBytes,
    String unsetSeccompProfile,
    boolean enableSelinux,
    boolean disableApparmor,
    boolean tolerateMissingHugetlbController,
    boolean disableHugetlbController,
    boolean deviceOwnershipFromSecurityContext,
    boolean ignoreImageDefinedVolumes,
    boolean enableUnprivilegedPorts,
    boolean enableUnprivilegedIcmp,
    Duration execSyncDrainTimeout,
    boolean enableCdi,
    List<Path> cdiFolders) {

  public CriSettings {
    cdiFolders = List.copyOf(cdiFolders);
  }
}
