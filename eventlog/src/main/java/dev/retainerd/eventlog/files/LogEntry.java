package dev.retainerd.eventlog.files;

import dev.retainerd.eventlog.EncodedEnvelope;
import dev.retainerd.eventlog.Envelope;
import java.nio.file.Path;

/** What a {@link LogCursor} finds in a log, one after the other. Only {@link Good} is proven. */
public sealed interface LogEntry {

  /** Where it stands. */
  Place place();

  /**
   * A place in a log.
   *
   * @param generation number of the generation
   * @param file the record file
   * @param position offset in it, of the record's first byte
   */
  record Place(int generation, Path file, long position) {}

  /** An event whose CRC, sequence, chain and hash hold. */
  record Good(Place place, EncodedEnvelope encoded) implements LogEntry {
    public Good(Place place, Envelope envelope) {
      this(place, EncodedEnvelope.of(envelope));
    }

    /** The event, decoded. */
    public Envelope envelope() {
      return encoded.envelope();
    }
  }

  /**
   * An event that reads well but does not continue the chain: its sequence or its predecessor's
   * hash is not the one expected.
   */
  record ChainBroken(Place place, Envelope envelope, String detail) implements LogEntry {}

  /** An event whose hash is not that of its content, though its CRC holds: somebody wrote it. */
  record HashWrong(Place place, Envelope envelope) implements LogEntry {}

  /**
   * Something unreadable.
   *
   * @param firstSequence first event that is lost; 0 where no event is known to be
   * @param lastSequence last event that is lost, inclusive; 0 where that is not known
   * @param detail one sentence
   */
  record Lost(Place place, long firstSequence, long lastSequence, String detail)
      implements LogEntry {}
}
