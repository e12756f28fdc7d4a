package dev.retainerd.eventlog.files;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.eventlog.LogOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Opens a log folder for writing: whose log it is, what of its newest generation can be read, what
 * is damaged. Ends that generation and begins the next; never throws for damage. The lock is held
 * by the caller.
 *
 * @param nodeId whose log it is
 * @param generations all of them; the last is new and empty
 * @param previousStopWasClean whether the one before it was ended by a proper close
 * @param damages what was found
 */
public record LogOpening(
    String nodeId,
    List<Generation> generations,
    boolean previousStopWasClean,
    List<LogDamage> damages) {

  public LogOpening {
    generations = List.copyOf(generations);
    damages = List.copyOf(damages);
  }

  /** Opens the folder. */
  public static LogOpening open(LogFolder folder, LogOptions options) throws IOException {
    return new Steps(folder, options).run();
  }

  /**
   * Refuses a folder without a log where there should be one, before anything is made in it: an
   * empty mount point must not get a history of its own.
   */
  public static void refuseAbsent(LogFolder folder, LogOptions options) throws IOException {
    if (options.expectedNodeId().isEmpty()
        || Files.exists(folder.identityFile())
        || folder.highestGeneration() > 0) {
      return;
    }
    throw new EventLogException(
        folder.path()
            + " holds no event log, but this node is "
            + options.expectedNodeId().get()
            + recorded(options)
            + " and has had one there; mount the disk that holds it, or, if it is gone for good,"
            + (options.identityRecord().isEmpty()
                ? " forget the recorded identity"
                : " remove " + options.identityRecord())
            + " to begin a new one");
  }

  private static String recorded(LogOptions options) {
    return options.identityRecord().isEmpty() ? "" : " according to " + options.identityRecord();
  }

  private static final class Steps {
    private final LogFolder folder;
    private final LogOptions options;
    private final SetAside setAside;
    private final List<LogDamage> damages = new ArrayList<>();

    Steps(LogFolder folder, LogOptions options) {
      this.folder = folder;
      this.options = options;
      this.setAside = new SetAside(folder);
    }

    LogOpening run() throws IOException {
      List<Generation> generations = new ArrayList<>(folder.generations(damages));
      String nodeId = identity(generations);
      mendStarts(generations, nodeId);
      Optional<Mark> mark = Mark.read(folder.markFile());
      if (mark.isEmpty() && Files.exists(folder.markFile())) {
        setAside.move(folder.markFile(), "it is damaged; a longer scan took its place", damages);
      }
      boolean clean = true;
      if (!generations.isEmpty()) {
        Generation last = generations.removeLast();
        clean = last.seal().isPresent() && last.seal().get().clean();
        mend(generations, last.firstSequence());
        end(last, mark).ifPresent(generations::add);
      }
      reportMissing(generations, mark);
      long next = 1;
      byte[] previous = new byte[Envelope.HASH_BYTES];
      if (!generations.isEmpty()) {
        Generation.Seal seal = generations.getLast().seal().orElseThrow();
        next = seal.lastSequence() + 1;
        previous = seal.lastHash();
      }
      if (mark.isPresent() && mark.get().sequence() >= next) {
        previous = generations.isEmpty() ? mark.get().hash() : previous;
        next = mark.get().sequence() + 1;
      }
      next = Math.max(next, lastLost() + 1);
      Generation fresh =
          folder.begin(
              folder.highestGeneration() + 1,
              new Generation.Start(
                  nodeId, next, previous, options.clock().wallNanos(), options.bootId()));
      generations.add(fresh);
      return new LogOpening(nodeId, generations, clean, damages);
    }

    private long lastLost() {
      return damages.stream().mapToLong(LogDamage::lastLostSequence).max().orElse(0);
    }

    /** Whose log it is; a new log gets an identity made now. */
    private String identity(List<Generation> generations) throws IOException {
      Optional<String> known = folder.nodeId();
      Optional<String> expected = options.expectedNodeId();
      boolean any = folder.highestGeneration() > 0;
      if (known.isEmpty() && any) {
        known = repairIdentity(generations);
      }
      String nodeId = known.or(() -> expected).orElseGet(() -> UUID.randomUUID().toString());
      if (expected.isPresent() && !expected.get().equals(nodeId)) {
        throw new EventLogException(
            "the event log in "
                + folder.path()
                + " belongs to node "
                + nodeId
                + " and this node is "
                + expected.get()
                + recorded(options)
                + "; mount the right disk, or, to take this log over,"
                + (options.identityRecord().isEmpty()
                    ? " forget the recorded identity"
                    : " remove " + options.identityRecord()));
      }
      if (folder.nodeId().isEmpty()) {
        folder.writeIdentity(nodeId);
      }
      return nodeId;
    }

    private Optional<String> repairIdentity(List<Generation> generations) {
      if (Files.exists(folder.identityFile())) {
        setAside.move(
            folder.identityFile(),
            "it is damaged; the identity was taken from the newest generation",
            damages);
      } else {
        damages.add(
            new LogDamage(
                "metadata",
                folder.identityFile().toString(),
                "",
                0,
                0,
                "it is missing; the identity was taken from the newest generation"));
      }
      return generations.reversed().stream()
          .map(g -> g.start().nodeId())
          .filter(id -> !id.isEmpty())
          .findFirst();
    }

    /** Writes starts anew that were guessed, and puts generations away of which nothing is left. */
    private void mendStarts(List<Generation> generations, String nodeId) throws IOException {
      for (int i = 0; i < generations.size(); i++) {
        Generation g = generations.get(i);
        if (!g.start().nodeId().isEmpty()) {
          continue;
        }
        Path file = g.folder().resolve("start");
        if (Files.exists(file)) {
          setAside.move(file, "it is damaged; it was written anew", damages);
        }
        Generation.Start s = g.start();
        Generation mended =
            folder.begin(
                g.number(),
                new Generation.Start(
                    nodeId, s.firstSequence(), s.previousHash(), s.createdNanos(), s.bootId()));
        generations.set(i, g.seal().map(mended::sealed).orElse(mended));
      }
      for (Path unreadable : folder.unreadable(generations)) {
        setAside.move(unreadable, "nothing in it can be read", damages);
      }
    }

    /** Ends older generations anew whose seal cannot be read. */
    private void mend(List<Generation> older, long followedBy) throws IOException {
      for (int i = 0; i < older.size(); i++) {
        Generation generation = older.get(i);
        if (generation.seal().isPresent()) {
          continue;
        }
        long next = i + 1 < older.size() ? older.get(i + 1).firstSequence() : followedBy;
        TailScan scan = TailScan.of(generation, Optional.empty());
        setAsideDamagedSeal(generation);
        older.set(
            i,
            folder.end(
                generation,
                new Generation.Seal(
                    Math.min(scan.lastSequence(), next - 1),
                    scan.lastHash(),
                    scan.endPosition(),
                    false,
                    "its seal could not be read")));
      }
    }

    private void setAsideDamagedSeal(Generation generation) {
      Path seal = generation.folder().resolve("seal");
      if (Files.exists(seal)) {
        setAside.move(seal, "it is damaged; the events were read anew", damages);
      }
    }

    /** Reads the newest generation to its end and records it; empty where it held nothing. */
    private Optional<Generation> end(Generation last, Optional<Mark> anyMark) throws IOException {
      if (last.archived()) {
        return Optional.of(last);
      }
      Optional<Mark> mark = anyMark.filter(m -> m.generation() == last.number());
      Optional<Generation.Seal> seal = last.seal();
      if (seal.isPresent() && seal.get().lastSequence() >= last.firstSequence()) {
        Generation.Seal s = seal.get();
        mark =
            Optional.of(new Mark(last.number(), s.lastSequence(), s.lastHash(), s.endPosition()));
      }
      TailScan scan = TailScan.of(last, mark);
      long before = last.firstSequence() - 1;
      boolean whole = scan.clean() || seal.isPresent();
      if (scan.holes().isEmpty() && whole) {
        if (scan.lastSequence() == before && scan.acknowledged() <= before) {
          LogFolder.removeEmpty(last);
          return Optional.empty();
        }
        if (seal.isPresent() && seal.get().lastSequence() == scan.lastSequence()) {
          return Optional.of(last);
        }
      }
      report(last, scan);
      boolean untouched = scan.holes().isEmpty() && scan.clean() && seal.isEmpty();
      if (untouched) {
        LogFolder.cut(last, scan.endPosition());
      }
      setAsideDamagedSeal(last);
      return Optional.of(
          folder.end(
              last,
              new Generation.Seal(
                  scan.lastSequence(),
                  scan.lastHash(),
                  scan.endPosition(),
                  false,
                  untouched ? "the daemon was killed" : "the end could not be read whole")));
    }

    private void report(Generation last, TailScan scan) throws IOException {
      Optional<Path> file = LogFolder.recordFile(last.folder());
      if (file.isEmpty()) {
        damages.add(
            new LogDamage(
                "log",
                last.folder().toString(),
                "",
                scan.acknowledged() > scan.lastSequence() ? scan.lastSequence() + 1 : 0,
                Math.max(0, scan.acknowledged()),
                "its record file is missing"));
        return;
      }
      for (TailScan.Unreadable hole : scan.holes()) {
        String copy = setAside.copy(last, file.get(), hole.from(), hole.to());
        damages.add(
            new LogDamage(
                hole.firstLost() > 0 ? "log" : "index",
                file.get().toString(),
                copy,
                hole.firstLost(),
                hole.lastLost(),
                hole.why()));
      }
      boolean lost = scan.acknowledged() > scan.lastSequence();
      if (scan.clean() && !lost) {
        return;
      }
      String copy = setAside.copy(last, file.get(), scan.endPosition(), Long.MAX_VALUE);
      if (lost || !isUnfinished(scan)) {
        damages.add(
            new LogDamage(
                "log",
                file.get().toString(),
                copy,
                lost ? scan.lastSequence() + 1 : 0,
                lost ? scan.acknowledged() : 0,
                scan.why().isEmpty() ? "the file ends too early" : scan.why()));
      }
    }

    /**
     * Whether what stands behind the last event is an append that a kill or power cut broke off:
     * its bytes are written before its word. What is known to be acknowledged must all be there, or
     * it may as well be a word that was lost; whole events of the batch that broke off may follow
     * that.
     */
    private static boolean isUnfinished(TailScan scan) {
      return scan.why().startsWith("a record that was not finished")
          || (scan.why().equals("bytes behind the end")
              && scan.acknowledged() > 0
              && scan.acknowledged() <= scan.lastSequence());
    }

    /** Generations that are gone, or whose start cannot be read, leave a gap in the sequences. */
    private void reportMissing(List<Generation> generations, Optional<Mark> mark)
        throws IOException {
      KnownLosses known = KnownLosses.read(folder);
      for (int i = 1; i < generations.size(); i++) {
        Generation.Seal before = generations.get(i - 1).seal().orElseThrow();
        reportGap(known, before.lastSequence() + 1, generations.get(i).firstSequence() - 1);
      }
      long last =
          generations.isEmpty() ? 0 : generations.getLast().seal().orElseThrow().lastSequence();
      if (mark.isPresent() && mark.get().sequence() > last && mark.get().sequence() > lastLost()) {
        reportGap(known, last + 1, mark.get().sequence());
      }
      for (LogDamage damage : damages) {
        if (damage.firstLostSequence() > 0) {
          known = known.with(damage.firstLostSequence(), damage.lastLostSequence());
        }
      }
      known.write(folder);
    }

    private void reportGap(KnownLosses known, long first, long last) {
      if (first <= last && !known.covers(first, last)) {
        damages.add(
            new LogDamage(
                "log", folder.path().toString(), "", first, last, "a generation is missing"));
      }
    }
  }
}
