package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.checkpoint.CheckpointKeeper;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.chronicle.RetainedGenerations;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.runtime.config.RetainSettings;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.history.Upkeep;
import dev.retainerd.runtime.retention.LogKeeper;
import dev.retainerd.runtime.retention.RetentionPlan;
import dev.retainerd.runtime.witness.CheckpointSender;
import dev.retainerd.store.rocks.RocksStore;
import dev.retainerd.store.snapshot.StateSnapshot;
import dev.retainerd.wire.history.v1.ApplyRetentionAnswer;
import dev.retainerd.wire.history.v1.HistoryStatus;
import dev.retainerd.wire.history.v1.TakeSnapshotAnswer;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;

/** What keeps house in the event log: snapshots, retention, copies of checkpoints. */
record LogUpkeep(
    ChronicleEventLog log, LogKeeper keeper, Optional<CheckpointSender> sender, String copy)
    implements Upkeep, AutoCloseable {
  private static final String PROGRESS = "checkpoints.sent";

  /** The second place where that is a folder, which the log itself writes to. */
  static LogOptions withCopy(LogOptions options, RetainSettings settings) {
    String copy = settings.checkpointCopy();
    if (copy.isEmpty() || isUrl(copy)) {
      return options;
    }
    LogOptions.Checkpoints standard = options.checkpoints().orElseThrow();
    return options.withCheckpoints(
        Optional.of(
            new LogOptions.Checkpoints(
                standard.keyFolder(), Optional.of(Path.of(copy)), standard.interval())));
  }

  private static boolean isUrl(String copy) {
    return copy.startsWith("http://") || copy.startsWith("https://");
  }

  static LogUpkeep start(
      DaemonConfig config, ChronicleEventLog log, RocksStore store, Journal journal)
      throws IOException {
    RetainSettings.LogRetention kept = config.retain().logRetention();
    Path folder = log.status().directory();
    LogKeeper keeper =
        LogKeeper.start(
            log,
            store,
            journal,
            new LogKeeper.Settings(
                new RetentionPlan.Bounds(
                    kept.days(),
                    kept.bytes(),
                    kept.events(),
                    kept.action() == RetainSettings.LogRetention.Action.DELETE,
                    kept.archiveDays(),
                    kept.archiveBytes()),
                config.retain().snapshotEveryEvents(),
                kept.archivePath().orElseGet(() -> folder.resolve("archive")),
                Services.SELF),
            Clock.systemUTC());
    String copy = config.retain().checkpointCopy();
    Optional<CheckpointSender> sender =
        isUrl(copy)
            ? Optional.of(
                CheckpointSender.start(
                    folder.resolve(CheckpointKeeper.FILE),
                    folder.resolve(PROGRESS),
                    URI.create(copy),
                    config.retain().checkpointCopyCa(),
                    log.status().nodeId(),
                    CheckpointSender.Patience.STANDARD))
            : Optional.empty();
    return new LogUpkeep(log, keeper, sender, copy);
  }

  @Override
  public void describe(HistoryStatus.Builder status) {
    List<RetainedGenerations.Part> parts = log.retained().parts();
    LogKeeper.Report report = keeper.report();
    status
        .setGenerations((int) parts.stream().filter(part -> !part.archived()).count())
        .setBytes(bytes(parts, false))
        .setArchivedGenerations((int) parts.stream().filter(part -> part.archived()).count())
        .setArchivedBytes(bytes(parts, true))
        .addAllSnapshots(report.snapshots())
        .setRetentionLookedNanos(report.lookedNanos())
        .setRetentionHeldBack(report.heldBack())
        .setRetentionFailure(report.failure())
        .setCheckpointCopy(copy);
    log.checkpoints()
        .ifPresent(
            own ->
                status
                    .setCheckpointSequence(own.coveredSequence())
                    .setCheckpointFailure(own.failure())
                    .setCheckpointCopySequence(copy.isEmpty() ? 0 : own.coveredSequence()));
    sender
        .map(CheckpointSender::standing)
        .ifPresent(
            standing ->
                status
                    .setCheckpointCopySequence(standing.sentSequence())
                    .setCheckpointCopyFailure(standing.failure()));
  }

  private static long bytes(List<RetainedGenerations.Part> parts, boolean archived) {
    return parts.stream()
        .filter(part -> part.archived() == archived)
        .mapToLong(RetainedGenerations.Part::bytes)
        .sum();
  }

  @Override
  public TakeSnapshotAnswer snapshot() {
    StateSnapshot taken = keeper.snapshot();
    return TakeSnapshotAnswer.newBuilder()
        .setSequence(taken.sequence())
        .setFile(taken.file().toString())
        .setBytes(taken.bytes())
        .setEntries(taken.entries())
        .build();
  }

  @Override
  public ApplyRetentionAnswer retain(boolean everything) {
    LogKeeper.Outcome outcome = keeper.apply(everything);
    return ApplyRetentionAnswer.newBuilder()
        .addAllDone(outcome.done())
        .setHeldBack(outcome.heldBack())
        .build();
  }

  @Override
  public void close() {
    sender.ifPresent(CheckpointSender::close);
    keeper.close();
  }
}
