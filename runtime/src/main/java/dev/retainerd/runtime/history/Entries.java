package dev.retainerd.runtime.history;

import com.google.protobuf.UnsafeByteOperations;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeCodec;
import dev.retainerd.eventlog.event.UnreadableEventException;
import dev.retainerd.store.words.Told;
import dev.retainerd.wire.history.v1.HistoryEvent;

/** Envelopes as the service hands them out. */
final class Entries {

  private Entries() {}

  /** An event that this version cannot read is handed out all the same, without words. */
  static HistoryEvent of(Envelope envelope) {
    HistoryEvent.Builder entry =
        HistoryEvent.newBuilder()
            .setSequence(envelope.sequence())
            .setWallNanos(envelope.wallNanos())
            .setNamespace(envelope.namespace())
            .setSubject(envelope.subject())
            .setEnvelope(UnsafeByteOperations.unsafeWrap(EnvelopeCodec.encode(envelope)));
    try {
      Told told = Told.of(envelope);
      return entry
          .setType(told.type().title())
          .setSentence(told.sentence())
          .setBy(told.by())
          .build();
    } catch (UnreadableEventException e) {
      return entry.setType(Integer.toString(envelope.type())).setSentence(e.getMessage()).build();
    }
  }
}
