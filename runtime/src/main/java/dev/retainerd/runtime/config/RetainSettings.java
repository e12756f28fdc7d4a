package dev.retainerd.runtime.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Our own settings, the table {@code [retain]}; each is described in {@code retainerd config
 * default}.
 *
 * @param shimPath none for the shim beside the daemon's own binary
 * @param logRetentionDays 0 for ever
 * @param logRetentionBytes 0 for no bound
 */
public record RetainSettings(
    Durability durability,
    int podsPerShim,
    int spareShims,
    Optional<Path> shimPath,
    Path pausePath,
    LogRoll logRoll,
    int logBlockBytes,
    int logRetentionDays,
    long logRetentionBytes,
    int snapshotEveryEvents,
    long reserveBytes,
    int shimTimeoutMillis,
    int recoveryTimeoutMillis) {

  /** What an acknowledged request survives. */
  public enum Durability {
    /** Answered when it is on the disk. */
    POWER_LOSS,
    /** Answered when the kernel has it. */
    PROCESS_CRASH
  }

  /** When the event log begins a new file. */
  public enum LogRoll {
    HOURLY,
    DAILY
  }
}
