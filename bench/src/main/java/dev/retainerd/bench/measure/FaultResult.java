package dev.retainerd.bench.measure;

import java.util.List;

/**
 * What a fault did to a runtime under load.
 *
 * @param name as it is selected
 * @param title what was done to it, in a line
 * @param target the runtime
 * @param silentMillis longest time in which a list call got no answer while the fault lasted
 * @param recoveredMillis from the end of the fault until everything answered again
 * @param lost what is gone, doubled or wrong afterwards, one sentence each; empty: nothing
 * @param noted what else was to be seen, such as calls that were refused
 */
public record FaultResult(
    String name,
    String title,
    String target,
    double silentMillis,
    double recoveredMillis,
    List<String> lost,
    List<String> noted) {
  /** Copies. */
  public FaultResult {
    lost = List.copyOf(lost);
    noted = List.copyOf(noted);
  }
}
