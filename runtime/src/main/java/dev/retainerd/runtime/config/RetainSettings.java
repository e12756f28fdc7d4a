package dev.retainerd.runtime.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Our own settings, the table {@code [retain]}; each is described in {@code retainerd config
 * default}.
 *
 * @param shimPath none for the shim beside the daemon's own binary
 * @param checkpointCopy a folder, an http or https URL, or "" for none
 * @param checkpointCopyCa whose certificates an https URL may show; none for the well-known
 * @param identityFile none for the one beside root
 */
public record RetainSettings(
    Durability durability,
    int podsPerShim,
    int spareShims,
    int idleShimMillis,
    Optional<Path> shimPath,
    Path pausePath,
    LogRoll logRoll,
    int logBlockBytes,
    LogRetention logRetention,
    String checkpointCopy,
    Optional<Path> checkpointCopyCa,
    Optional<Path> identityFile,
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

  /**
   * What is kept of the event log. A bound of 0 is none.
   *
   * @param days how long after its end a file stays as it is
   * @param bytes how many of the log stay as they are
   * @param events how many of the newest stay as they are
   * @param action what happens to a file that may go
   * @param archivePath none for the folder archive of the log
   * @param archiveDays how long after its end an archived file is kept
   * @param archiveBytes how many of the archive are kept
   */
  public record LogRetention(
      int days,
      long bytes,
      long events,
      Action action,
      Optional<Path> archivePath,
      int archiveDays,
      long archiveBytes) {

    /** What happens to a file of the log that is not kept as it is. */
    public enum Action {
      /** It is packed, and can still be read. */
      ARCHIVE,
      /** It goes. */
      DELETE
    }
  }

  /** When the event log begins a new file. */
  public enum LogRoll {
    HOURLY,
    DAILY
  }
}
