package dev.retainerd.replay.verb;

import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.Point;
import dev.retainerd.replay.history.Replay;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;

/** {@code rewind what-if}: whether this version of the code agrees with the history. */
@Command(
    name = "what-if",
    description = {
      "fold the history with this version of the code and list what does not fit:",
      "the gate before an upgrade; exit status 1 where something does not"
    })
public final class WhatIfVerb extends Verb {
  private static final int TOLD_MAX = 100;

  private long told;
  private long unread;
  private final List<String> divergences = new ArrayList<>();

  @Override
  protected int run(History history) {
    // The notes of a history are about what this version cannot read.
    Replay replay = new Replay(this::tell);
    History counted = history.notingTo(this::unreadable);
    replay.upTo(counted, new Point.Sequence(Long.MAX_VALUE));
    long last = replay.last().orElseThrow().sequence();
    boolean agrees = replay.divergent() == 0 && unread == 0;
    if (json) {
      Map<String, Object> tree = new LinkedHashMap<>();
      tree.put("agrees", agrees);
      tree.put("lastSequence", last);
      tree.put("divergent", replay.divergent());
      tree.put("unreadable", unread);
      tree.put("divergences", divergences);
      printJson(tree);
      return agrees ? HOLDS : DOES_NOT_HOLD;
    }
    if (agrees) {
      println("this version folds all events up to " + last + " without a divergence");
      return HOLDS;
    }
    println(
        replay.divergent()
            + " events do not fit and "
            + unread
            + " cannot be read by this version, of "
            + last);
    return DOES_NOT_HOLD;
  }

  private void unreadable(String note) {
    unread++;
    tell(note);
  }

  private void tell(String divergence) {
    if (told++ >= TOLD_MAX) {
      return;
    }
    if (json) {
      divergences.add(divergence);
    } else {
      println(divergence);
    }
  }
}
