package dev.retainerd.eventlog.files;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeHash;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.checkpoint.MerkleTree;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Packs ended generations into an archive, and takes generations away. Killed at any point, a
 * generation is whole in its old place, in its new one, or in both.
 *
 * <p>One thread at a time.
 */
public final class Archiving {
  private static final String PARTIAL = ".partial";
  private static final String GONE = ".gone";
  private static final int PIECE_BYTES = 1 << 20;

  /** A place between two steps, told to who wants to die there. */
  public enum Step {
    PACKED,
    PROVEN,
    MANIFEST_WRITTEN,
    NAMED,
    OLD_PLACE_UNNAMED,
    OLD_PLACE_EMPTIED
  }

  /** Told of every step that was made. */
  @FunctionalInterface
  public interface Boundary {
    /** Nobody who cares. */
    Boundary NONE = step -> {};

    void passed(Step step);
  }

  private Archiving() {}

  /**
   * Packs a generation into {@code place}; it stays where it is, too. What has been packed is read
   * back before it gets its name. A generation that is there already is taken as it is.
   *
   * @param generation ended, not archived
   */
  public static Archive.Manifest pack(Generation generation, Path place, Boundary boundary)
      throws IOException {
    Generation.Seal seal = generation.seal().orElseThrow();
    Path target = place.resolve(generation.folder().getFileName());
    Optional<Archive.Manifest> before = Archive.manifest(generation.number(), target);
    if (before.isPresent()
        && Arrays.equals(
            before.get().generation().seal().orElseThrow().lastHash(), seal.lastHash())) {
      return before.get();
    }
    Path partial = place.resolve(generation.folder().getFileName() + PARTIAL);
    deleteTree(partial);
    deleteTree(target);
    Files.createDirectories(partial);
    try {
      fill(generation, partial, boundary);
      Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException | RuntimeException e) {
      // On a full disk what was half packed is the first thing that must not stay.
      deleteTree(partial);
      throw e;
    }
    SmallFile.forceFolder(place);
    boundary.passed(Step.NAMED);
    return Archive.manifest(generation.number(), target)
        .orElseThrow(() -> new IOException("the manifest in " + target + " does not read back"));
  }

  private static void fill(Generation generation, Path partial, Boundary boundary)
      throws IOException {
    Generation.Seal seal = generation.seal().orElseThrow();
    Tree tree = tree(generation);
    long packedBytes;
    byte[] digest;
    try (RecordSource source = RecordSource.of(generation)) {
      digest = digest(source, seal.endPosition());
      packedBytes = SeekableZstd.pack(source, seal.endPosition(), partial.resolve(Archive.RECORDS));
    }
    copyPositions(generation, partial);
    boundary.passed(Step.PACKED);
    try (RecordSource packed = SeekableZstd.open(partial.resolve(Archive.RECORDS))) {
      if (!Arrays.equals(digest, digest(packed, seal.endPosition()))) {
        throw new IOException(
            "what was packed of "
                + generation.folder()
                + " does not read back; mend the disk of "
                + partial.getParent());
      }
    }
    boundary.passed(Step.PROVEN);
    Archive.writeManifest(
        new Archive.Manifest(
            new Generation(
                generation.number(), partial, generation.start(), generation.seal(), true),
            tree.root,
            tree.events,
            seal.endPosition(),
            packedBytes));
    SmallFile.forceFolder(partial);
    boundary.passed(Step.MANIFEST_WRITTEN);
  }

  private static void copyPositions(Generation generation, Path partial) throws IOException {
    Path positions = generation.folder().resolve("positions");
    if (Files.isRegularFile(positions)) {
      Path copy = partial.resolve("positions");
      try (FileOutputStream out = new FileOutputStream(copy.toFile())) {
        Files.copy(positions, out);
        out.getFD().sync();
      }
    }
  }

  /**
   * Takes a generation away from where it is: it loses its name first, so that what is left of it
   * after a kill is not taken for a damaged one.
   */
  public static void remove(Generation generation, Boundary boundary) throws IOException {
    Path folder = generation.folder();
    Path gone = folder.resolveSibling(folder.getFileName() + GONE);
    deleteTree(gone);
    if (Files.exists(folder)) {
      Files.move(folder, gone, StandardCopyOption.ATOMIC_MOVE);
      SmallFile.forceFolder(folder.getParent());
    }
    boundary.passed(Step.OLD_PLACE_UNNAMED);
    deleteTree(gone);
    boundary.passed(Step.OLD_PLACE_EMPTIED);
  }

  /** Deletes what a kill left half packed or half removed in these folders. */
  public static void sweep(List<Path> places) throws IOException {
    for (Path place : places) {
      if (!Files.isDirectory(place)) {
        continue;
      }
      List<Path> left;
      try (Stream<Path> children = Files.list(place)) {
        left =
            children
                .filter(
                    child ->
                        child
                            .getFileName()
                            .toString()
                            .matches("generation-[0-9]{4,9}\\.(partial|gone)"))
                .toList();
      }
      for (Path one : left) {
        deleteTree(one);
      }
    }
  }

  private static void deleteTree(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return;
    }
    List<Path> children;
    try (Stream<Path> list = Files.list(folder)) {
      children = list.toList();
    }
    for (Path child : children) {
      deleteTree(child);
      Files.deleteIfExists(child);
    }
    Files.deleteIfExists(folder);
  }

  /** Root over the events that can be read, and how many these are. */
  private record Tree(byte[] root, long events) {}

  private static Tree tree(Generation generation) throws IOException {
    MerkleTree.Growing tree = new MerkleTree.Growing();
    EnvelopeHash hasher = new EnvelopeHash();
    Generation.Seal seal = generation.seal().orElseThrow();
    try (RecordSource source = RecordSource.of(generation)) {
      RecordScanner scanner = new RecordScanner(source, 0, seal.endPosition());
      while (true) {
        switch (scanner.next(true)) {
          case RecordScanner.Sound sound -> tree.add(checked(hasher, sound));
          case RecordScanner.Hole hole -> {}
          case RecordScanner.End end -> {
            return new Tree(tree.root(), tree.size());
          }
        }
      }
    }
  }

  private static byte[] checked(EnvelopeHash hasher, RecordScanner.Sound sound) {
    Envelope envelope = sound.envelope();
    byte[] hash = envelope.hash();
    if (!Arrays.equals(hasher.ofBytes(sound.bytes()), hash)) {
      throw new EventLogException(
          "event "
              + envelope.sequence()
              + " is not what its hash says, so its generation is left as it is; see rewind"
              + " verify");
    }
    return hash;
  }

  private static byte[] digest(RecordSource source, long length) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK has no SHA-256", e);
    }
    byte[] piece = new byte[PIECE_BYTES];
    for (long at = 0; at < length; at += PIECE_BYTES) {
      int wanted = (int) Math.min(PIECE_BYTES, length - at);
      int got = SeekableZstd.readFully(source, piece, wanted, at);
      Arrays.fill(piece, got, wanted, (byte) 0);
      digest.update(piece, 0, wanted);
    }
    return digest.digest();
  }
}
