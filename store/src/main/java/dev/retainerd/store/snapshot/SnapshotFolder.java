package dev.retainerd.store.snapshot;

import dev.retainerd.eventlog.files.SmallFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The snapshots beside a log, in its folder {@code snapshots}. A snapshot counts only when an event
 * of the log names its hash; see {@link CoveredSnapshots}. Thread-safe but for {@link #write}.
 *
 * @param path the folder, which may be missing
 */
public record SnapshotFolder(Path path) {
  private static final Pattern NAME = Pattern.compile("state-([0-9]{19})\\.snapshot");

  /** The snapshots of the log in that folder. */
  public static SnapshotFolder of(Path logFolder) {
    return new SnapshotFolder(logFolder.resolve("snapshots"));
  }

  /** The sequences of the files there are, newest first; sound or not. */
  public List<Long> sequences() throws IOException {
    if (!Files.isDirectory(path)) {
      return List.of();
    }
    List<Long> found = new ArrayList<>();
    try (Stream<Path> children = Files.list(path)) {
      for (Path child : children.toList()) {
        Matcher name = NAME.matcher(child.getFileName().toString());
        if (name.matches()) {
          found.add(Long.parseLong(name.group(1)));
        }
      }
    }
    found.sort(Comparator.reverseOrder());
    return found;
  }

  /** Where the snapshot of that sequence lies. */
  public Path file(long sequence) {
    return path.resolve(String.format("state-%019d.snapshot", sequence));
  }

  /**
   * Writes a snapshot. Durable on return, with its name; nothing is left of it where that fails.
   *
   * @param sequence the last event that the entries hold
   * @param headHash 32 bytes: that event's hash
   */
  public StateSnapshot write(
      String nodeId, long sequence, byte[] headHash, String schema, StateEntries entries)
      throws IOException {
    Files.createDirectories(path);
    Path partial = path.resolve("state.partial");
    try {
      SnapshotFile.Header header = new SnapshotFile.Header(nodeId, sequence, headHash, schema);
      StateSnapshot written = SnapshotFile.write(partial, header, entries);
      Path file = file(sequence);
      Files.move(
          partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      SmallFile.forceFolder(path);
      return new StateSnapshot(
          file,
          nodeId,
          sequence,
          headHash,
          schema,
          written.entries(),
          written.contentHash(),
          written.bytes());
    } finally {
      Files.deleteIfExists(partial);
    }
  }

  /**
   * Reads a snapshot to its end and checks it.
   *
   * @throws SnapshotDamagedException where it is not what was written
   */
  public StateSnapshot check(long sequence) throws IOException, SnapshotDamagedException {
    return read(sequence, (kind, key, value) -> {});
  }

  /**
   * Reads a snapshot. The visitor gets entries before it is known whether the file is sound: {@link
   * #check} it first.
   */
  public StateSnapshot read(long sequence, StateEntries.Visitor visitor)
      throws IOException, SnapshotDamagedException {
    StateSnapshot read = SnapshotFile.read(file(sequence), visitor);
    if (read.sequence() != sequence) {
      throw new SnapshotDamagedException(
          "the state snapshot " + read.file() + " is one of event " + read.sequence(), null);
    }
    return read;
  }

  /** Deletes a snapshot that nothing needs. */
  public void delete(long sequence) throws IOException {
    Files.deleteIfExists(file(sequence));
  }

  /** Moves a snapshot that cannot be used to the log's folder {@code set-aside}. */
  public Path setAside(long sequence) throws IOException {
    Path aside = Files.createDirectories(path.resolveSibling("set-aside"));
    Path file = file(sequence);
    Path to = aside.resolve(file.getFileName());
    for (int n = 2; Files.exists(to); n++) {
      to = aside.resolve(file.getFileName() + "." + n);
    }
    return Files.move(file, to);
  }
}
