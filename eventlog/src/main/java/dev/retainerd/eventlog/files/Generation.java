package dev.retainerd.eventlog.files;

import dev.retainerd.eventlog.Envelope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * One generation of a log: what was appended between an opening and the next, or until it had grown
 * large. Each is a folder with one record file.
 *
 * @param number from 1
 * @param folder where it lies
 * @param start how it began
 * @param seal how it ended; empty while it takes appends, or after an unclean stop
 * @param archived whether it lies packed in an archive; then it has a seal
 */
public record Generation(
    int number, Path folder, Start start, Optional<Seal> seal, boolean archived) {

  /**
   * How a generation began.
   *
   * @param nodeId the node whose log it is
   * @param firstSequence of its first event, should it get one
   * @param previousHash 32 bytes: what its first event names as its predecessor's hash
   * @param createdNanos wall time, nanoseconds since the epoch
   * @param bootId the kernel's boot id at that time
   */
  public record Start(
      String nodeId, long firstSequence, byte[] previousHash, long createdNanos, String bootId) {
    public Start {
      previousHash = previousHash.clone();
    }

    @Override
    public byte[] previousHash() {
      return previousHash.clone();
    }

    /** The same, of the generation that no other comes before. */
    Start beforeAll() {
      return new Start(nodeId, 1, new byte[Envelope.HASH_BYTES], createdNanos, bootId);
    }
  }

  /**
   * How a generation ended.
   *
   * @param lastSequence of its last event; {@code firstSequence - 1} where it holds none
   * @param lastHash 32 bytes: hash of its last event, or of the one before the generation
   * @param endPosition first byte of the record file that does not belong to it any more
   * @param clean whether it was ended by a proper close, and not by the opening after
   * @param reason one sentence
   */
  public record Seal(
      long lastSequence, byte[] lastHash, long endPosition, boolean clean, String reason) {
    public Seal {
      lastHash = lastHash.clone();
    }

    @Override
    public byte[] lastHash() {
      return lastHash.clone();
    }
  }

  /** The sequence of the first event, should there be one. */
  public long firstSequence() {
    return start.firstSequence();
  }

  /** The file with its records; empty where that is missing. */
  public Optional<Path> recordFile() throws IOException {
    if (!archived) {
      return LogFolder.recordFile(folder);
    }
    Path packed = folder.resolve(Archive.RECORDS);
    return Files.isRegularFile(packed) ? Optional.of(packed) : Optional.empty();
  }

  /** The same, ended. */
  public Generation sealed(Seal how) {
    return new Generation(number, folder, start, Optional.of(how), archived);
  }
}
