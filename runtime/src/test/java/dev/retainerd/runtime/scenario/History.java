package dev.retainerd.runtime.scenario;

import dev.retainerd.wire.history.v1.HistoryEvent;
import dev.retainerd.wire.history.v1.HistoryStatusRequest;
import dev.retainerd.wire.history.v1.SubscribeRequest;
import java.util.ArrayList;
import java.util.List;

/** A node's history, as a client of dev.retainerd.events.v1.Events reads it. */
final class History {
  private final Node node;

  History(Node node) {
    this.node = node;
  }

  /** Every event there is now, from a sequence on. */
  List<HistoryEvent> from(long sequence) {
    List<HistoryEvent> all = new ArrayList<>();
    node.history()
        .subscribe(SubscribeRequest.newBuilder().setFromSequence(sequence).build())
        .forEachRemaining(all::add);
    return all;
  }

  /** The sentences of one type of event, from a sequence on. */
  List<String> sentences(long sequence, String type) {
    return from(sequence).stream()
        .filter(event -> event.getType().equals(type))
        .map(HistoryEvent::getSentence)
        .toList();
  }

  long lastSequence() {
    return node.history().status(HistoryStatusRequest.getDefaultInstance()).getDurableSequence();
  }

  /** What the present daemon found damaged when it opened the log, in words. */
  List<String> damages() {
    return node.history().status(HistoryStatusRequest.getDefaultInstance()).getDamagesList();
  }
}
