package dev.retainerd.replay.verb;

import com.google.gson.GsonBuilder;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.ReadOnlyLog;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.history.Point;
import dev.retainerd.replay.history.Replay;
import dev.retainerd.store.rocks.StoreComparison;
import dev.retainerd.store.rocks.StoreException;
import dev.retainerd.store.state.NodeState;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rewind verify}: whether the history is whole. */
@Command(
    name = "verify",
    description = {
      "check every event's CRC, hash, sequence and place in the chain;",
      "exit status 0: it holds, 1: it does not, 2: could not look"
    })
public final class VerifyVerb extends Verb {
  @Option(
      names = "--head",
      paramLabel = "HASH",
      description =
          "the hash of the last event as noted elsewhere: catches a history cut or forged")
  String head = "";

  @Option(
      names = "--checkpoints",
      paramLabel = "FILE",
      description = "signed checkpoints kept elsewhere (default: those beside the log)")
  Path checkpoints;

  @Option(
      names = "--key",
      paramLabel = "FILE",
      description = "the node's public key kept elsewhere (default: the one beside the log)")
  Path key;

  @Option(
      names = "--store",
      paramLabel = "DIR",
      description = "also compare a containerstore with what the events make, byte by byte")
  Path store;

  private long events;
  private long first;
  private long lastGood;
  private long unknownTypes;
  private String firstBad = "";
  private CheckpointCheck witness;
  private String hash = "";
  private String storeWords = "";
  private boolean headSeen;
  private final Set<Integer> generations = new HashSet<>();

  @Override
  protected int run(History history) {
    String tail = "";
    witness =
        CheckpointCheck.of(
            history.log().folder(), Optional.ofNullable(checkpoints), Optional.ofNullable(key));
    try (ReadOnlyLog.Walk walk = history.log().walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        take(e.get());
      }
      tail = walk.tail();
    }
    if (events == 0 && firstBad.isEmpty()) {
      throw new LookFailure("the log in " + history.log().folder() + " holds no event yet");
    }
    String notWitnessed = witness.end();
    if (firstBad.isEmpty()) {
      firstBad = notWitnessed;
    }
    if (!head.isEmpty() && !headSeen && firstBad.isEmpty()) {
      firstBad = "no event of this log has the hash " + head;
    }
    compareStore(history);
    report(history, tail);
    return firstBad.isEmpty() ? HOLDS : DOES_NOT_HOLD;
  }

  private void compareStore(History history) {
    if (store == null) {
      return;
    }
    try {
      StoreComparison compared = StoreComparison.of(store, sequence -> folded(history, sequence));
      storeWords =
          "at event "
              + compared.sequence()
              + ", "
              + compared.entries()
              + " entries, "
              + compared.difference().orElse("the same as the events make");
      if (firstBad.isEmpty()) {
        firstBad = compared.difference().map(what -> "the store: " + what).orElse("");
      }
    } catch (StoreException e) {
      throw new LookFailure(e.getMessage(), e);
    }
  }

  private static NodeState folded(History history, long sequence) {
    Replay replay = new Replay(Verb::note);
    if (sequence > 0) {
      replay.upTo(history, new Point.Sequence(sequence));
    }
    return replay.state();
  }

  private void take(LogEntry entry) {
    generations.add(entry.place().generation());
    switch (entry) {
      case LogEntry.Good good -> good(good.envelope());
      case LogEntry.ChainBroken broken -> bad(entry, broken.detail());
      case LogEntry.HashWrong wrong ->
          bad(
              entry,
              "the hash of event "
                  + wrong.envelope().sequence()
                  + " is not that of its content: it was changed after it was written");
      case LogEntry.Lost lost ->
          bad(
              entry,
              (lost.firstSequence() == 0
                      ? "something unreadable"
                      : lost.firstSequence() == lost.lastSequence()
                          ? "event " + lost.firstSequence() + " cannot be read"
                          : "events "
                              + lost.firstSequence()
                              + " to "
                              + lost.lastSequence()
                              + " cannot be read")
                  + ": "
                  + lost.detail());
    }
  }

  private void good(Envelope envelope) {
    witness.take(envelope);
    events++;
    if (first == 0) {
      first = envelope.sequence();
    }
    if (firstBad.isEmpty()) {
      lastGood = envelope.sequence();
      hash = HexFormat.of().formatHex(envelope.hash());
      headSeen = headSeen || (!head.isEmpty() && hash.equals(head));
    }
    if (EventType.ofNumber(envelope.type()).isEmpty()) {
      unknownTypes++;
    }
  }

  private void bad(LogEntry entry, String what) {
    if (firstBad.isEmpty()) {
      firstBad =
          what
              + " (generation "
              + entry.place().generation()
              + ", "
              + entry.place().file().getFileName()
              + " at byte "
              + entry.place().position()
              + ")";
    }
  }

  private void report(History history, String tail) {
    if (json) {
      Map<String, Object> tree = new LinkedHashMap<>();
      tree.put("holds", firstBad.isEmpty());
      tree.put("node", history.log().nodeId());
      tree.put("events", events);
      tree.put("firstSequence", first);
      tree.put("lastGoodSequence", lastGood);
      tree.put("generations", generations.size());
      tree.put("head", hash);
      tree.put("firstBad", firstBad);
      tree.put("tail", tail);
      tree.put("checkpoints", witness.words());
      tree.put("unknownTypes", unknownTypes);
      tree.put("store", storeWords);
      println(new GsonBuilder().disableHtmlEscaping().setPrettyPrinting().create().toJson(tree));
      return;
    }
    println("log:    " + history.log().folder() + ", of node " + history.log().nodeId());
    if (unknownTypes > 0) {
      println("note:   " + unknownTypes + " events are of types that this version does not know");
    }
    if (!tail.isEmpty()) {
      println(
          "note:   behind the last event: "
              + tail
              + "; beside a live daemon this may be an event that is just being written");
    }
    if (!witness.words().isEmpty()) {
      println("signed: " + witness.words());
    }
    if (!storeWords.isEmpty()) {
      println("store:  " + storeWords);
    }
    println("proves: nothing was changed, left out or put in between the first event and the head");
    println(
        "not:    whether the head is the true one; compare it with one noted elsewhere (--head)");
    if (firstBad.isEmpty()) {
      println(
          "whole: events "
              + first
              + " to "
              + lastGood
              + " in "
              + generations.size()
              + (generations.size() == 1 ? " generation" : " generations")
              + ", head "
              + hash);
    } else {
      println("first bad: " + firstBad);
      println("broken: the last good event is " + lastGood + ", head up to there " + hash);
    }
  }
}
