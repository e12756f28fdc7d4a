package dev.retainerd.eventlog;

import java.nio.file.Path;
import java.util.List;

/**
 * The state of a log at one moment.
 *
 * @param directory where it lives
 * @param nodeId identity of the node whose log it is
 * @param durability what an acknowledged event survives
 * @param generation number of the generation that takes appends, from 1
 * @param firstSequence first event that is retained; 0 where there is none
 * @param lastSequence last event appended; 0 where there is none
 * @param durableSequence last event that is durable
 * @param previousStopWasClean whether the log was closed properly before it was opened this time;
 *     true for a new one
 * @param reservedBytes bytes on the disk set apart for events to come
 * @param low whether the reserve could not be filled up: only what frees space should go on
 * @param damages what opening found damaged
 */
public record LogStatus(
    Path directory,
    String nodeId,
    Durability durability,
    int generation,
    long firstSequence,
    long lastSequence,
    long durableSequence,
    boolean previousStopWasClean,
    long reservedBytes,
    boolean low,
    List<LogDamage> damages) {

  public LogStatus {
    damages = List.copyOf(damages);
  }
}
