package dev.retainerd.store.snapshot;

import java.nio.file.Path;
import java.util.Arrays;

/**
 * A snapshot of the state that has been read to its end and is what it says it is.
 *
 * @param file where it lies
 * @param nodeId whose state it is
 * @param sequence the last event it holds
 * @param headHash 32 bytes: that event's hash
 * @param schema what the entries look like and how they were folded
 * @param entries how many there are
 * @param contentHash 32 bytes: SHA-256 of all of it before packing; what the log's event names
 * @param bytes of the file
 */
public record StateSnapshot(
    Path file,
    String nodeId,
    long sequence,
    byte[] headHash,
    String schema,
    long entries,
    byte[] contentHash,
    long bytes) {

  public StateSnapshot {
    headHash = headHash.clone();
    contentHash = contentHash.clone();
  }

  @Override
  public byte[] headHash() {
    return headHash.clone();
  }

  @Override
  public byte[] contentHash() {
    return contentHash.clone();
  }

  /** Whether it is the one that an event of the log names. */
  public boolean isNamedBy(byte[] hash) {
    return Arrays.equals(contentHash, hash);
  }
}
