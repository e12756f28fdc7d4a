package dev.retainerd.eventlog;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * How a log is opened for writing.
 *
 * @param directory the log's folder, {@code root/log}; made where it is missing
 * @param durability what an acknowledged event survives
 * @param maxEventBytes how large one encoded event may be
 * @param generationBytes a generation that has grown this large is followed by a new one
 * @param reserveBytes disk space set apart for events to come
 * @param bootId the kernel's boot id
 * @param expectedNodeId identity that the folder must carry; empty: any, and a new log gets a new
 *     one
 * @param clock gives events their times
 * @param checkpoints whether signed checkpoints are written, and where
 * @param rollAfter a generation that is this old is followed by a new one, by the clock that never
 *     goes back
 * @param identityRecord file outside the log that holds the expected identity, to be named in a
 *     refusal; "" for none
 */
public record LogOptions(
    Path directory,
    Durability durability,
    int maxEventBytes,
    long generationBytes,
    long reserveBytes,
    String bootId,
    Optional<String> expectedNodeId,
    LogClock clock,
    Optional<Checkpoints> checkpoints,
    Duration rollAfter,
    String identityRecord) {
  private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");

  /**
   * How checkpoints are written.
   *
   * @param keyFolder where the node's key is, or is to be made; not within the log
   * @param copyFolder where copies go that whoever rules this node cannot rewrite unseen
   * @param interval how long an event may stand without a checkpoint
   */
  public record Checkpoints(Path keyFolder, Optional<Path> copyFolder, Duration interval) {}

  public LogOptions {
    Objects.requireNonNull(directory, "directory");
    Objects.requireNonNull(durability, "durability");
    Objects.requireNonNull(bootId, "bootId");
    Objects.requireNonNull(expectedNodeId, "expectedNodeId");
    Objects.requireNonNull(clock, "clock");
    Objects.requireNonNull(checkpoints, "checkpoints");
    Objects.requireNonNull(rollAfter, "rollAfter");
    Objects.requireNonNull(identityRecord, "identityRecord");
  }

  /** What a daemon uses unless it is told otherwise. */
  public static LogOptions standard(Path directory) {
    return new LogOptions(
        directory,
        Durability.POWER_LOSS,
        1 << 20,
        1L << 30,
        16L << 20,
        kernelBootId(),
        Optional.empty(),
        LogClock.system(),
        Optional.of(
            new Checkpoints(
                directory.resolveSibling("keys"), Optional.empty(), Duration.ofMinutes(1))),
        Duration.ofDays(1),
        "");
  }

  /** The same with another durability. */
  public LogOptions withDurability(Durability other) {
    return new LogOptions(
        directory,
        other,
        maxEventBytes,
        generationBytes,
        reserveBytes,
        bootId,
        expectedNodeId,
        clock,
        checkpoints,
        rollAfter,
        identityRecord);
  }

  /** The same for the log of the node with this identity only. */
  public LogOptions withExpectedNodeId(String nodeId) {
    return withExpectedNodeId(nodeId, "");
  }

  /** The same, where {@code recordedIn} says what the identity is. */
  public LogOptions withExpectedNodeId(String nodeId, String recordedIn) {
    return new LogOptions(
        directory,
        durability,
        maxEventBytes,
        generationBytes,
        reserveBytes,
        bootId,
        Optional.of(nodeId),
        clock,
        checkpoints,
        rollAfter,
        recordedIn);
  }

  /** The same with other sizes, see {@link LogOptions}. */
  public LogOptions withSizes(int maxEvent, long generation, long reserve) {
    return new LogOptions(
        directory,
        durability,
        maxEvent,
        generation,
        reserve,
        bootId,
        expectedNodeId,
        clock,
        checkpoints,
        rollAfter,
        identityRecord);
  }

  /** The same with generations of another age. */
  public LogOptions withRollAfter(Duration other) {
    return new LogOptions(
        directory,
        durability,
        maxEventBytes,
        generationBytes,
        reserveBytes,
        bootId,
        expectedNodeId,
        clock,
        checkpoints,
        other,
        identityRecord);
  }

  /** The same with another clock. */
  public LogOptions withClock(LogClock other) {
    return new LogOptions(
        directory,
        durability,
        maxEventBytes,
        generationBytes,
        reserveBytes,
        bootId,
        expectedNodeId,
        other,
        checkpoints,
        rollAfter,
        identityRecord);
  }

  /** The same as if the machine had booted with another boot id. */
  public LogOptions withBootId(String other) {
    return new LogOptions(
        directory,
        durability,
        maxEventBytes,
        generationBytes,
        reserveBytes,
        other,
        expectedNodeId,
        clock,
        checkpoints,
        rollAfter,
        identityRecord);
  }

  /** The same with other checkpoints; empty for none. */
  public LogOptions withCheckpoints(Optional<Checkpoints> other) {
    return new LogOptions(
        directory,
        durability,
        maxEventBytes,
        generationBytes,
        reserveBytes,
        bootId,
        expectedNodeId,
        clock,
        other,
        rollAfter,
        identityRecord);
  }

  private static String kernelBootId() {
    try {
      return Files.readString(BOOT_ID).strip();
    } catch (IOException e) {
      throw new EventLogException("the kernel's boot id cannot be read from " + BOOT_ID, e);
    }
  }
}
