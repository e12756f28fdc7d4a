package dev.retainerd.replay.verb;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.checkpoint.Checkpoint;
import dev.retainerd.eventlog.checkpoint.CheckpointKeeper;
import dev.retainerd.eventlog.checkpoint.VerifierKey;
import dev.retainerd.replay.history.LookFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Holds a log's signed checkpoints against its events as they come by. Keeps the hashes of one
 * checkpoint's events at a time. Not thread-safe.
 */
final class CheckpointCheck {
  private final List<Checkpoint> checkpoints;
  private final boolean outsideWitness;
  private final List<byte[]> hashes = new ArrayList<>();
  private int at;
  private int held;
  private long covered;
  private String bad = "";

  private CheckpointCheck(List<Checkpoint> checkpoints, boolean outsideWitness) {
    this.checkpoints = checkpoints;
    this.outsideWitness = outsideWitness;
  }

  /**
   * Reads checkpoints and key.
   *
   * @param file a copy of the checkpoints kept elsewhere; empty: those beside the log
   * @param keyFile the key as noted elsewhere; empty: the one beside the log
   * @throws LookFailure where a file that was named cannot be read
   */
  static CheckpointCheck of(Path log, Optional<Path> file, Optional<Path> keyFile) {
    Path checkpoints = file.orElse(log.resolve(CheckpointKeeper.FILE));
    Path key = keyFile.orElse(log.resolve(CheckpointKeeper.KEY_FILE));
    boolean outside = file.isPresent() || keyFile.isPresent();
    if (!outside && !Files.exists(checkpoints)) {
      return new CheckpointCheck(List.of(), false);
    }
    try {
      CheckpointCheck check =
          new CheckpointCheck(Checkpoint.parseAll(Files.readAllBytes(checkpoints)), outside);
      check.signatures(VerifierKey.parse(Files.readString(key)));
      return check;
    } catch (IOException e) {
      throw new LookFailure("the checkpoints of the log cannot be read: " + e.getMessage(), e);
    } catch (EventLogException e) {
      CheckpointCheck broken = new CheckpointCheck(List.of(), outside);
      broken.bad = e.getMessage();
      return broken;
    }
  }

  private void signatures(VerifierKey key) {
    for (Checkpoint one : checkpoints) {
      if (bad.isEmpty() && !key.verifies(one)) {
        bad =
            "the signature of the checkpoint over events "
                + one.firstSequence()
                + " to "
                + one.lastSequence()
                + " is not that of key "
                + key.name();
      }
    }
  }

  /** Takes the next event of the log. */
  void take(Envelope envelope) {
    while (at < checkpoints.size() && checkpoints.get(at).lastSequence() < envelope.sequence()) {
      missed(checkpoints.get(at));
      next();
    }
    if (at == checkpoints.size() || envelope.sequence() < checkpoints.get(at).firstSequence()) {
      return;
    }
    hashes.add(envelope.hash());
    Checkpoint one = checkpoints.get(at);
    if (envelope.sequence() == one.lastSequence()) {
      if (one.covers(hashes)) {
        held++;
        covered = one.lastSequence();
      } else {
        missed(one);
      }
      next();
    }
  }

  /** A checkpoint whose first events are no longer retained cannot be held against anything. */
  private void missed(Checkpoint one) {
    boolean cut = hashes.size() < one.lastSequence() - one.firstSequence() + 1 && held == 0;
    if (bad.isEmpty() && !cut) {
      bad =
          "events "
              + one.firstSequence()
              + " to "
              + one.lastSequence()
              + " are not those that their checkpoint was signed for";
    }
  }

  private void next() {
    at++;
    hashes.clear();
  }

  /** The log has ended; what is wrong, as one sentence, or "". */
  String end() {
    if (bad.isEmpty() && at < checkpoints.size()) {
      bad =
          "the log ends before event "
              + checkpoints.getLast().lastSequence()
              + ", up to which checkpoints were signed: its end was cut off";
    }
    return bad;
  }

  /** What was proven, as one line; "" where there are no checkpoints. */
  String words() {
    if (checkpoints.isEmpty()) {
      return "";
    }
    return held
        + " signed checkpoints hold, up to event "
        + covered
        + (outsideWitness
            ? ""
            : "; both they and their key lie beside the log, so only a copy kept elsewhere"
                + " (--checkpoints, --key) shows a history written anew");
  }
}
