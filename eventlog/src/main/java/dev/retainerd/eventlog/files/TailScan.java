package dev.retainerd.eventlog.files;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeCodec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What of a generation can still be read: the records from some point to its end, told apart into
 * events that hold, events that are lost, and a tail that was never acknowledged.
 *
 * <p>Every event carries up to where the log was durable when it was appended, and {@link
 * Acknowledged} says it of the last ones. A hole whose events were durable is a loss; another is
 * where the last, never acknowledged batch was torn, and everything from there on is left out.
 *
 * @param lastSequence the last event that holds
 * @param lastHash its hash
 * @param endPosition where the record behind it would start
 * @param acknowledged the last event known to have been acknowledged, lost or not
 * @param clean whether nothing but zeros stands behind
 * @param why what stands behind, where it is not clean
 * @param holes the unreadable places before
 */
public record TailScan(
    long lastSequence,
    byte[] lastHash,
    long endPosition,
    long acknowledged,
    boolean clean,
    String why,
    List<Unreadable> holes) {
  /** Unclean generations up to this size are read whole. */
  private static final long WHOLE_BYTES = 64L << 20;

  /** How many events before a known good one a scan of a larger generation begins. */
  private static final long EARLIER_EVENTS = 65_536;

  /**
   * A place that cannot be read.
   *
   * @param from first byte
   * @param to first byte behind
   * @param firstLost first event lost; 0 where none is
   * @param lastLost last event lost; 0 where none is
   * @param why one sentence
   */
  public record Unreadable(long from, long to, long firstLost, long lastLost, String why) {}

  public TailScan {
    lastHash = lastHash.clone();
    holes = List.copyOf(holes);
  }

  @Override
  public byte[] lastHash() {
    return lastHash.clone();
  }

  /** A place where the scan may have to stop for good. */
  private record Before(long sequence, byte[] hash, long end, int holes, String why) {}

  /**
   * Scans.
   *
   * @param known a durable event of this generation, from which on everything is read
   */
  public static TailScan of(Generation generation, Optional<Mark> known) throws IOException {
    try (RecordSource source = RecordSource.of(generation)) {
      long from = 0;
      if (known.isPresent() && known.get().endPosition() > WHOLE_BYTES) {
        from = earlier(generation, source, known.get().sequence() - EARLIER_EVENTS);
      }
      long acknowledged =
          Math.max(known.map(Mark::sequence).orElse(0L), Acknowledged.read(generation.folder()));
      return scan(generation, new RecordScanner(source, from, Long.MAX_VALUE), acknowledged);
    }
  }

  private static long earlier(Generation generation, RecordSource source, long sequence)
      throws IOException {
    long hint = Positions.before(generation.folder(), sequence);
    RecordScanner trial = new RecordScanner(source, hint, Long.MAX_VALUE);
    return hint > 0
            && trial.next(false) instanceof RecordScanner.Sound sound
            && sound.envelope().sequence() > generation.firstSequence()
            && sound.envelope().sequence() <= sequence
        ? hint
        : 0;
  }

  private static TailScan scan(Generation generation, RecordScanner scanner, long acknowledged)
      throws IOException {
    boolean whole = scanner.position() == 0;
    long last = whole ? generation.firstSequence() - 1 : 0;
    byte[] hash = generation.start().previousHash();
    long end = 0;
    long durable = acknowledged;
    List<Unreadable> holes = new ArrayList<>();
    List<Before> doubtful = new ArrayList<>();
    RecordScanner.Hole open = null;
    while (true) {
      switch (scanner.next(true)) {
        case RecordScanner.Hole hole -> open = hole;
        case RecordScanner.Sound sound -> {
          Envelope e = sound.envelope();
          long next = last == 0 ? e.sequence() : last + 1;
          if (e.sequence() < next) {
            continue;
          }
          if (open != null || e.sequence() > next) {
            boolean lost = e.sequence() > next;
            String why = open == null ? "events are missing" : open.why();
            doubtful.add(new Before(last, hash, end, holes.size(), why));
            holes.add(
                new Unreadable(
                    open == null ? sound.position() : open.position(),
                    sound.position(),
                    lost ? next : 0,
                    lost ? e.sequence() - 1 : 0,
                    why));
            open = null;
          }
          durable = Math.max(durable, EnvelopeCodec.durableBeforeOf(sound.bytes()));
          last = e.sequence();
          hash = e.hash();
          end = sound.end();
        }
        case RecordScanner.End stop -> {
          long position = Math.max(end, open == null ? stop.position() : end);
          TailScan all =
              new TailScan(last, hash, position, durable, stop.clean(), stop.why(), holes);
          return all.withoutUnacknowledged(doubtful);
        }
      }
    }
  }

  /** Ends it before the first hole whose events nobody knows to have been durable. */
  private TailScan withoutUnacknowledged(List<Before> doubtful) {
    for (Before before : doubtful) {
      Unreadable hole = holes.get(before.holes);
      if (hole.firstLost > 0 && hole.firstLost > acknowledged) {
        return new TailScan(
            before.sequence,
            before.hash,
            before.end,
            acknowledged,
            false,
            before.why,
            holes.subList(0, before.holes));
      }
    }
    return this;
  }
}
