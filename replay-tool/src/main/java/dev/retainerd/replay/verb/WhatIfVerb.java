package dev.retainerd.replay.verb;

import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.Point;
import dev.retainerd.replay.history.Replay;
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

  @Override
  protected int run(History history) {
    // The notes of a history are about what this version cannot read.
    Replay replay =
        new Replay(
            divergence -> {
              if (told++ < TOLD_MAX) {
                println(divergence);
              }
            });
    History counted = History.open(folder, note -> unreadable(note));
    replay.upTo(counted, new Point.Sequence(Long.MAX_VALUE));
    long last = replay.last().orElseThrow().sequence();
    if (replay.divergent() == 0 && unread == 0) {
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
    println(note);
  }
}
