package dev.retainerd.runtime.ctl.history;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Times;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.store.words.PayloadJson;
import dev.retainerd.wire.history.v1.ApplyRetentionAnswer;
import dev.retainerd.wire.history.v1.ApplyRetentionRequest;
import dev.retainerd.wire.history.v1.EventsGrpc;
import dev.retainerd.wire.history.v1.HistoryStatus;
import dev.retainerd.wire.history.v1.HistoryStatusRequest;
import dev.retainerd.wire.history.v1.TakeSnapshotAnswer;
import dev.retainerd.wire.history.v1.TakeSnapshotRequest;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code retainctl log}: the event log as a thing on the disk. */
public final class LogVerbs {
  private LogVerbs() {}

  /** How it stands. */
  @Command(name = "status", description = "show what the event log holds and how it is kept")
  public static final class Status extends Verb {
    @Override
    protected int run(Session session) {
      HistoryStatus status =
          session
              .bounded(EventsGrpc.newBlockingStub(session.channel()))
              .status(HistoryStatusRequest.getDefaultInstance());
      if (session.json()) {
        session.print(Trees.ofObject(new PayloadJson(false).tree(status)));
      } else {
        lines(status).forEach(session::println);
      }
      return 0;
    }
  }

  static List<String> lines(HistoryStatus s) {
    String looked =
        s.getRetentionLookedNanos() == 0 ? "not yet" : Times.rfc3339(s.getRetentionLookedNanos());
    String snapshots =
        s.getSnapshotsCount() == 0
            ? "none"
            : "at event "
                + String.join(", ", s.getSnapshotsList().stream().map(n -> "" + n).toList());
    List<String> lines =
        new java.util.ArrayList<>(
            List.of(
                "node         " + s.getNodeId(),
                "directory    " + s.getDirectory(),
                "durability   " + s.getDurability(),
                "events       "
                    + s.getFirstSequence()
                    + " to "
                    + s.getLastSequence()
                    + ", durable to "
                    + s.getDurableSequence(),
                "generations  "
                    + s.getGenerations()
                    + ", "
                    + s.getBytes()
                    + " bytes; the newest is "
                    + s.getGeneration(),
                "archived     "
                    + s.getArchivedGenerations()
                    + ", "
                    + s.getArchivedBytes()
                    + " bytes",
                "snapshots    " + snapshots,
                "retention    looked " + looked,
                "checkpoints  cover to event " + s.getCheckpointSequence()));
    if (!s.getCheckpointCopy().isEmpty()) {
      lines.add(
          "copies       in "
              + s.getCheckpointCopy()
              + ", to event "
              + s.getCheckpointCopySequence());
    }
    note(lines, "waits        ", s.getRetentionHeldBack());
    note(lines, "failed       ", s.getRetentionFailure());
    note(lines, "failed       ", s.getCheckpointFailure());
    note(lines, "failed       ", s.getCheckpointCopyFailure());
    s.getDamagesList().forEach(damage -> lines.add("damaged      " + damage));
    return lines;
  }

  private static void note(List<String> lines, String label, String sentence) {
    if (!sentence.isEmpty()) {
      lines.add(label + sentence);
    }
  }

  /** Writes the state beside the log. */
  @Command(
      name = "snapshot",
      description = "write the state to a snapshot now, from which a rebuild begins")
  public static final class Snapshot extends Verb {
    @Override
    protected int run(Session session) {
      TakeSnapshotAnswer taken =
          session
              .patient(EventsGrpc.newBlockingStub(session.channel()))
              .takeSnapshot(TakeSnapshotRequest.getDefaultInstance());
      if (session.json()) {
        session.print(Trees.ofObject(new PayloadJson(false).tree(taken)));
      } else {
        session.println(
            "the state at event "
                + taken.getSequence()
                + " is in "
                + taken.getFile()
                + ": "
                + taken.getEntries()
                + " entries, "
                + taken.getBytes()
                + " bytes");
      }
      return 0;
    }
  }

  /** Applies retention. */
  @Command(
      name = "archive",
      description = "archive or delete now what the configured retention lets go")
  public static final class Archive extends Verb {
    @Option(
        names = "--all",
        description = "archive all that has ended before the newest snapshot, whatever its age")
    boolean all;

    @Override
    protected int run(Session session) {
      ApplyRetentionAnswer answer =
          session
              .patient(EventsGrpc.newBlockingStub(session.channel()))
              .applyRetention(ApplyRetentionRequest.newBuilder().setEverything(all).build());
      if (session.json()) {
        JsonObject tree = new JsonObject();
        JsonArray done = new JsonArray();
        answer.getDoneList().forEach(done::add);
        tree.add("done", done);
        tree.addProperty("heldBack", answer.getHeldBack());
        session.print(tree);
        return 0;
      }
      answer.getDoneList().forEach(session::println);
      if (answer.getDoneCount() == 0) {
        session.println("nothing was archived or removed");
      }
      if (!answer.getHeldBack().isEmpty()) {
        session.println(answer.getHeldBack());
      }
      return 0;
    }
  }
}
