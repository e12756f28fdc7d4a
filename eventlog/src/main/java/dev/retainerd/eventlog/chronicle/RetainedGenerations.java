package dev.retainerd.eventlog.chronicle;

import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.files.Archive;
import dev.retainerd.eventlog.files.Archiving;
import dev.retainerd.eventlog.files.Generation;
import dev.retainerd.eventlog.files.LogFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * The generations of a log that is being written, and what may be done with the old ones: packed
 * into an archive, or taken away, oldest first. Whether that is right is decided elsewhere.
 *
 * <p>{@link #parts} may be called by any thread, the rest by one at a time; none of it holds up
 * appends or readers.
 */
public final class RetainedGenerations {
  private final Published published;
  private final Archive archive;
  private final LongSupplier covered;
  private final LongSupplier newestBytes;
  private final List<Path> sweepable = new ArrayList<>();

  RetainedGenerations(
      Published published, LogFolder folder, LongSupplier covered, LongSupplier newestBytes) {
    this.published = published;
    this.archive = new Archive(folder);
    this.covered = covered;
    this.newestBytes = newestBytes;
    this.sweepable.add(folder.path());
  }

  /**
   * One generation.
   *
   * @param number from 1
   * @param firstSequence of its first event
   * @param lastSequence of its last event; 0 while it takes appends
   * @param bytes of its records; without what is reserved ahead while it takes appends
   * @param endedNanos when it ended, nanoseconds since the epoch; 0 while it takes appends
   * @param archived whether it lies packed in the archive
   * @param lastHash 32 bytes: hash of its last event; of the one before it while it takes appends
   */
  public record Part(
      int number,
      long firstSequence,
      long lastSequence,
      long bytes,
      long endedNanos,
      boolean archived,
      byte[] lastHash) {
    public Part {
      lastHash = lastHash.clone();
    }

    @Override
    public byte[] lastHash() {
      return lastHash.clone();
    }

    /** Whether it takes no appends any more. */
    public boolean ended() {
      return endedNanos > 0;
    }
  }

  /** What is retained, oldest first; the last one takes appends. */
  public List<Part> parts() {
    List<Generation> all = published.generations();
    List<Part> parts = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      Generation one = all.get(i);
      Optional<Generation.Seal> seal = one.seal();
      boolean ended = seal.isPresent() && i + 1 < all.size();
      parts.add(
          new Part(
              one.number(),
              one.firstSequence(),
              ended ? seal.get().lastSequence() : 0,
              i + 1 < all.size() ? bytes(one) : newestBytes.getAsLong(),
              // No clock ran backwards so far that this would be 0.
              ended ? Math.max(1, all.get(i + 1).start().createdNanos()) : 0,
              one.archived(),
              seal.map(Generation.Seal::lastHash).orElse(one.start().previousHash())));
    }
    return parts;
  }

  private static long bytes(Generation generation) {
    try {
      Optional<Path> file = generation.recordFile();
      return file.isPresent() ? Files.size(file.get()) : 0;
    } catch (IOException e) {
      return 0;
    }
  }

  /**
   * Packs a generation into an archive folder; the unpacked one stays until {@link #release}.
   *
   * @throws EventLogException where it does not read as it should, which changes nothing
   */
  public Archive.Manifest pack(int number, Path place, Archiving.Boundary boundary)
      throws IOException {
    archive.use(place);
    if (!sweepable.contains(place)) {
      sweepable.add(place);
    }
    return Archiving.pack(ended(number), place, boundary);
  }

  /** Takes the unpacked generation away that was packed; readers go on in the archive. */
  public void release(Archive.Manifest packed, Archiving.Boundary boundary) throws IOException {
    Generation unpacked = ended(packed.generation().number());
    if (unpacked.archived()) {
      return;
    }
    published.replaced(packed.generation());
    Archiving.remove(unpacked, boundary);
  }

  /**
   * Takes the oldest generation away for good.
   *
   * @throws EventLogException where it is not the oldest, or no checkpoint covers it yet
   */
  public void remove(int number, Archiving.Boundary boundary) throws IOException {
    Generation oldest = ended(number);
    if (published.generations().getFirst().number() != number) {
      throw new EventLogException(
          "generation " + number + " is not the oldest, and what is retained must have no gap");
    }
    if (oldest.seal().orElseThrow().lastSequence() > covered.getAsLong()) {
      throw new EventLogException(
          "generation " + number + " is not covered by a checkpoint yet; it goes the next time");
    }
    published.dropped(oldest);
    Archiving.remove(oldest, boundary);
    if (oldest.archived()) {
      // After a kill in release() it may lie in both places.
      return;
    }
    for (Path place : archive.places()) {
      Path copy = place.resolve(oldest.folder().getFileName());
      if (Files.isDirectory(copy)) {
        Archiving.remove(
            new Generation(number, copy, oldest.start(), oldest.seal(), true), boundary);
      }
    }
  }

  /** Deletes what a kill left half packed or half removed. */
  public void sweep() throws IOException {
    for (Path place : archive.places()) {
      if (!sweepable.contains(place)) {
        sweepable.add(place);
      }
    }
    Archiving.sweep(sweepable);
  }

  private Generation ended(int number) {
    List<Generation> all = published.generations();
    return all.subList(0, all.size() - 1).stream()
        .filter(one -> one.number() == number && one.seal().isPresent())
        .findFirst()
        .orElseThrow(
            () ->
                new EventLogException(
                    "there is no generation " + number + " that has ended and is retained"));
  }
}
