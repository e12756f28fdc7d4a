package dev.retainerd.eventlog.event;

import com.google.protobuf.InvalidProtocolBufferException;
import java.util.ArrayList;
import java.util.List;

/**
 * Brings payloads of older schema versions to the newest one, a version at a time, before they are
 * decoded. What stands in the log is never rewritten. Immutable.
 *
 * <p>A step is written once, when a version is superseded, and stays for ever: nobody has to know
 * more than one version back.
 */
public final class Upcasts {
  /** A payload that has had one version only. */
  public static final Upcasts NONE = new Upcasts(List.of());

  /** From the payload of one version to that of the next. Pure. */
  @FunctionalInterface
  public interface Step {
    byte[] upcast(byte[] payload) throws InvalidProtocolBufferException;
  }

  private final List<Step> steps;

  private Upcasts(List<Step> steps) {
    this.steps = List.copyOf(steps);
  }

  /** The same, with one more version, to which this step leads. */
  public Upcasts then(Step step) {
    List<Step> more = new ArrayList<>(steps);
    more.add(step);
    return new Upcasts(more);
  }

  /** The version that is written, from 1. */
  public int newest() {
    return steps.size() + 1;
  }

  /**
   * The payload as the newest version has it.
   *
   * @param version the one it was written in, 1 to {@link #newest()}
   */
  public byte[] toNewest(int version, byte[] payload) throws InvalidProtocolBufferException {
    if (version < 1 || version > newest()) {
      throw new IllegalArgumentException(
          "version " + version + " is none of those from 1 to " + newest());
    }
    byte[] now = payload;
    for (Step step : steps.subList(version - 1, steps.size())) {
      now = step.upcast(now);
    }
    return now;
  }
}
