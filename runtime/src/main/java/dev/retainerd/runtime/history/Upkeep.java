package dev.retainerd.runtime.history;

import dev.retainerd.wire.history.v1.ApplyRetentionAnswer;
import dev.retainerd.wire.history.v1.HistoryStatus;
import dev.retainerd.wire.history.v1.TakeSnapshotAnswer;

/** What keeps house in the log, as the service needs it. Thread-safe. */
public interface Upkeep {

  /** Adds to a status what is known of snapshots, retention and checkpoints. */
  void describe(HistoryStatus.Builder status);

  /** Takes a snapshot of the state now. */
  TakeSnapshotAnswer snapshot();

  /**
   * Applies the configured retention now.
   *
   * @param everything whether to archive all that can be instead
   */
  ApplyRetentionAnswer retain(boolean everything);
}
