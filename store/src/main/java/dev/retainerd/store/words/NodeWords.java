package dev.retainerd.store.words;

import dev.retainerd.eventlog.proto.DaemonStartedPayload;
import dev.retainerd.eventlog.proto.DaemonStoppingPayload;
import dev.retainerd.eventlog.proto.DamageFoundPayload;
import dev.retainerd.eventlog.proto.GenerationArchivedPayload;
import dev.retainerd.eventlog.proto.GenerationRemovedPayload;
import dev.retainerd.eventlog.proto.LeftoverRemovedPayload;
import dev.retainerd.eventlog.proto.NodeRebootedPayload;
import dev.retainerd.eventlog.proto.RecoveryFinishedPayload;
import dev.retainerd.eventlog.proto.StateSnapshotTakenPayload;

/** Sentences about the node and its daemon. */
final class NodeWords {

  private NodeWords() {}

  static String started(DaemonStartedPayload p) {
    String before =
        p.getPreviousStopWasClean() ? "" : "; the one before it had not stopped cleanly";
    String durability = p.getDurability().isEmpty() ? "" : ", durability " + p.getDurability();
    return "daemon " + p.getVersion() + " started as pid " + p.getPid() + durability + before;
  }

  static String stopping(DaemonStoppingPayload p) {
    return "the daemon is stopping" + Phrases.because(p.getReason());
  }

  static String recovered(RecoveryFinishedPayload p) {
    return "recovery finished in "
        + Phrases.duration(p.getMillis() * 1_000_000)
        + ": shims reattached "
        + p.getShimsReattached()
        + ", replaced "
        + p.getShimsReplaced()
        + ", unreachable "
        + p.getShimsUnreachable()
        + "; intents finished "
        + p.getIntentsFinished()
        + ", undone "
        + p.getIntentsUndone()
        + "; leftovers removed "
        + p.getLeftoversRemoved();
  }

  static String damaged(DamageFoundPayload p) {
    String lost =
        p.getFirstLostSequence() == 0
            ? ""
            : "; events "
                + p.getFirstLostSequence()
                + " to "
                + p.getLastLostSequence()
                + " are lost";
    String aside = p.getSetAsideTo().isEmpty() ? "" : ", set aside to " + p.getSetAsideTo();
    return "damage was found in the "
        + p.getWhat()
        + " at "
        + p.getPath()
        + aside
        + lost
        + Phrases.because(p.getDetail());
  }

  static String leftover(LeftoverRemovedPayload p) {
    return p.getKind()
        + " "
        + p.getName()
        + ", which no event owned, was removed"
        + Phrases.because(p.getDetail());
  }

  static String rebooted(NodeRebootedPayload p) {
    return "the node was rebooted: boot "
        + p.getPreviousBootId()
        + " ended, "
        + p.getBootId()
        + " began";
  }

  static String snapshotTaken(StateSnapshotTakenPayload p) {
    return "the state at event "
        + p.getSequence()
        + " was written to "
        + p.getFile()
        + ": "
        + p.getEntries()
        + " entries, "
        + p.getBytes()
        + " bytes";
  }

  static String archived(GenerationArchivedPayload p) {
    return range(p.getNumber(), p.getFirstSequence(), p.getLastSequence())
        + " was packed into the archive "
        + p.getPlace()
        + Phrases.because(p.getReason());
  }

  static String removed(GenerationRemovedPayload p) {
    return (p.getArchived() ? "archived " : "")
        + range(p.getNumber(), p.getFirstSequence(), p.getLastSequence())
        + " goes for good"
        + Phrases.because(p.getReason());
  }

  private static String range(int number, long first, long last) {
    return "generation " + number + " of the log, events " + first + " to " + last + ",";
  }
}
