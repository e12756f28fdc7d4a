package dev.retainerd.runtime.retention;

import dev.retainerd.eventlog.chronicle.RetainedGenerations.Part;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Which generations of the log are archived or removed now: a pure decision.
 *
 * <p>Whatever the bounds, oldest first and without a gap. A generation is archived once it lies
 * before the newest snapshot of the state, and removed once it lies before the newest but one, so
 * that a damaged snapshot costs a longer fold and not the state. Neither holds an event that opened
 * something which is still under way.
 *
 * @param deeds in the order in which they are to be done
 * @param wantsSnapshot whether more could go if there were a newer snapshot of the state
 * @param heldBack why a generation stays that a bound would let go; "" where none does
 */
public record RetentionPlan(List<Deed> deeds, boolean wantsSnapshot, String heldBack) {

  public RetentionPlan {
    deeds = List.copyOf(deeds);
  }

  /** One thing to do, and why. */
  public sealed interface Deed {
    Part part();

    String reason();
  }

  /** The generation is packed into the archive. */
  public record Pack(Part part, String reason) implements Deed {}

  /** The generation goes for good. */
  public record Remove(Part part, String reason) implements Deed {}

  /**
   * How much may stay; 0 is no bound.
   *
   * @param delete whether what may go is removed instead of archived
   */
  public record Bounds(
      int days, long bytes, long events, boolean delete, int archiveDays, long archiveBytes) {}

  /**
   * What the decision is made from.
   *
   * @param parts oldest first; the last one takes appends
   * @param lastSequence the last event of the log
   * @param snapshots the last events that sound snapshots hold, newest first
   * @param oldestOpen the event that opened the oldest thing still under way; Long.MAX_VALUE for
   *     none
   * @param nowNanos wall time, nanoseconds since the epoch
   */
  public record Facts(
      List<Part> parts, long lastSequence, List<Long> snapshots, long oldestOpen, long nowNanos) {
    public Facts {
      parts = List.copyOf(parts);
      snapshots = List.copyOf(snapshots);
    }
  }

  /** The plan that keeps to the bounds. */
  public static RetentionPlan of(Facts facts, Bounds bounds) {
    Steps steps = new Steps(facts, bounds);
    if (bounds.delete) {
      steps.remove(facts.parts, bounds.days, bounds.bytes, bounds.events, "log_retention");
    } else {
      List<Part> packed = facts.parts.stream().filter(Part::archived).toList();
      steps.remove(packed, bounds.archiveDays, bounds.archiveBytes, 0, "log_archive");
      steps.pack(facts.parts.stream().filter(part -> !part.archived()).toList());
    }
    return new RetentionPlan(steps.deeds, steps.wantsSnapshot, steps.heldBack);
  }

  /** The plan that archives whatever can be, for an operator who asks for it. */
  public static RetentionPlan everything(Facts facts) {
    Steps steps = new Steps(facts, new Bounds(0, 0, 0, false, 0, 0));
    for (Part part : facts.parts) {
      if (part.ended() && !part.archived() && steps.mayPack(part)) {
        steps.deeds.add(new Pack(part, "it was asked for"));
      }
    }
    return new RetentionPlan(steps.deeds, steps.wantsSnapshot, steps.heldBack);
  }

  private static final class Steps {
    private final Facts facts;
    private final Bounds bounds;
    private final List<Deed> deeds = new ArrayList<>();
    private boolean wantsSnapshot;
    private String heldBack = "";

    Steps(Facts facts, Bounds bounds) {
      this.facts = facts;
      this.bounds = bounds;
    }

    private void remove(List<Part> parts, int days, long bytes, long events, String keys) {
      long left = parts.stream().mapToLong(Part::bytes).sum();
      for (Part part : parts) {
        String why = exceeds(part, left, days, bytes, events, keys);
        if (why.isEmpty() || !mayRemove(part)) {
          return;
        }
        deeds.add(new Remove(part, why));
        left -= part.bytes();
      }
    }

    private void pack(List<Part> parts) {
      long left = parts.stream().mapToLong(Part::bytes).sum();
      for (Part part : parts) {
        String why = exceeds(part, left, bounds.days, bounds.bytes, bounds.events, "log_retention");
        if (why.isEmpty() || !mayPack(part)) {
          return;
        }
        deeds.add(new Pack(part, why));
        left -= part.bytes();
      }
    }

    /** Which bound lets it go; "" for none. */
    private String exceeds(
        Part part, long bytesFromHere, int days, long bytes, long events, String keys) {
      if (!part.ended()) {
        return "";
      }
      long ageDays = TimeUnit.NANOSECONDS.toDays(facts.nowNanos - part.endedNanos());
      if (days > 0 && ageDays >= days) {
        return "it ended " + ageDays + " days ago, and " + keys + "_days is " + days;
      }
      if (bytes > 0 && bytesFromHere > bytes) {
        return bytesFromHere + " bytes would stay with it, and " + keys + "_bytes is " + bytes;
      }
      long newer = facts.lastSequence - part.lastSequence();
      if (events > 0 && newer >= events) {
        return newer + " events are newer, and " + keys + "_events is " + events;
      }
      return "";
    }

    private boolean mayPack(Part part) {
      return before(part, 0, "a snapshot of the state");
    }

    private boolean mayRemove(Part part) {
      return before(part, 1, "two snapshots of the state");
    }

    private boolean before(Part part, int snapshot, String needed) {
      if (facts.snapshots.size() <= snapshot
          || facts.snapshots.get(snapshot) < part.lastSequence()) {
        wantsSnapshot = true;
        heldBack = "generation " + part.number() + " waits for " + needed + " behind it";
        return false;
      }
      if (facts.oldestOpen <= part.lastSequence()) {
        heldBack =
            "generation "
                + part.number()
                + " stays since event "
                + facts.oldestOpen
                + " opened something that is still under way";
        return false;
      }
      return true;
    }
  }
}
