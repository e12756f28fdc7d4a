package dev.retainerd.bench.measure;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A whole run, with what a reader needs to know about where it ran.
 *
 * @param startedAt RFC 3339, UTC
 * @param seconds how long it took
 * @param machine facts of the machine, name to value
 * @param versions of what was measured and of what it used, name to value
 * @param sizes how much of everything was done, name to value
 * @param stages those that went through, in order
 * @param faults those that were tried, in order
 */
public record RunResult(
    String startedAt,
    double seconds,
    Map<String, String> machine,
    Map<String, String> versions,
    Map<String, String> sizes,
    List<StageResult> stages,
    List<FaultResult> faults) {
  /** The same with one stage more, at the end. */
  public RunResult with(StageResult more) {
    List<StageResult> all = new ArrayList<>(stages);
    all.add(more);
    return new RunResult(startedAt, seconds, machine, versions, sizes, all, faults);
  }
}
