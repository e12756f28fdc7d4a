package dev.retainerd.runtime.history;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.eventlog.event.UnreadableEventException;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.words.Life;
import dev.retainerd.store.words.SubjectSearch;
import dev.retainerd.store.words.Told;
import dev.retainerd.wire.history.v1.HistoryEvent;
import dev.retainerd.wire.history.v1.HistoryFilter;
import dev.retainerd.wire.history.v1.SubscribeRequest;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One client's way through the log. Runs on one thread until its end. */
final class Subscription {
  private static final Logger LOGGER = LoggerFactory.getLogger(Subscription.class);

  private final EventLog log;
  private final SubscribeRequest request;
  private final HistoryFilter filter;
  private final Outlet<HistoryEvent> outlet;
  private Optional<Life> life = Optional.empty();

  Subscription(EventLog log, SubscribeRequest request, Outlet<HistoryEvent> outlet) {
    this.log = log;
    this.request = request;
    this.filter = request.getFilter();
    this.outlet = outlet;
  }

  void run() {
    try {
      long end = log.durableSequence();
      if (!filter.getAbout().isEmpty()) {
        life = Optional.of(new Life(search(end)));
      }
      // Whose life it is shows only from its beginning.
      long from = life.isPresent() ? 1 : Math.max(1, request.getFromSequence());
      read(from, request.getFollow() ? Long.MAX_VALUE : end, this::put);
      outlet.complete();
    } catch (Refusal e) {
      outlet.fail(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      outlet.fail(Refusal.unavailable("the daemon is stopping"));
    } catch (RuntimeException e) {
      LOGGER.error("a reader of the history was let down", e);
      outlet.fail(Refusal.internal("the history could not be read"));
    }
  }

  private String search(long end) throws InterruptedException {
    SubjectSearch search = new SubjectSearch(filter.getAbout());
    read(1, end, envelope -> search.see(envelope.subject()));
    return search.found().orElseThrow(() -> Refusal.notFound(search.complaint()));
  }

  private void read(long from, long through, Consumer<Envelope> taker) throws InterruptedException {
    try (LogReader reader = log.reader(from)) {
      while (reader.nextSequence() <= through && !outlet.gone()) {
        Optional<Envelope> next = poll(reader);
        if (next.isPresent() && next.get().sequence() <= through) {
          taker.accept(next.get());
        } else if (next.isPresent()) {
          return;
        }
      }
    }
  }

  /** What cannot be read was reported as damage when the log was opened; readers go on behind. */
  private static Optional<Envelope> poll(LogReader reader) throws InterruptedException {
    try {
      return reader.poll(HistoryService.patience());
    } catch (EventLogException e) {
      LOGGER.warn("an event is left out of a reader's stream: {}", e.getMessage());
      return Optional.empty();
    }
  }

  private void put(Envelope envelope) {
    if (!passes(envelope)) {
      return;
    }
    try {
      outlet.put(Entries.of(envelope));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.unavailable("the daemon is stopping").because(e);
    }
  }

  private boolean passes(Envelope envelope) {
    boolean fits =
        (filter.getNamespacesCount() == 0
                || filter.getNamespacesList().contains(envelope.namespace()))
            && (filter.getSubjectsCount() == 0
                || filter.getSubjectsList().stream().anyMatch(envelope.subject()::startsWith))
            && (filter.getTypesCount() == 0
                || EventType.ofNumber(envelope.type())
                    .map(type -> filter.getTypesList().contains(type.title()))
                    .orElse(false));
    if (!fits && life.isEmpty()) {
      return false;
    }
    return fits && (life.isEmpty() || accepts(envelope));
  }

  private boolean accepts(Envelope envelope) {
    try {
      return life.orElseThrow().accept(Told.of(envelope))
          && envelope.sequence() >= request.getFromSequence();
    } catch (UnreadableEventException e) {
      return false;
    }
  }
}
