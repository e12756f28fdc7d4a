package dev.retainerd.store.rocks;

import com.google.protobuf.Descriptors.FileDescriptor;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.store.proto.NodeEntry;
import dev.retainerd.store.state.NodeState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.rocksdb.RocksDB;

/**
 * Opens the store and brings it and the state in memory to the log's last event. A store that is
 * damaged, of another schema or node, ahead of the log or older than what it retains is set aside,
 * never deleted, and rebuilt: from the newest sound snapshot of the state and the events behind it,
 * or from the log alone.
 *
 * @param store open, at the log's last event; the caller closes it, before the log
 * @param state the same in memory
 * @param caughtUp how many events were folded
 * @param setAside where the old store lies and why; empty where it was used
 * @param passedOver events that could not be read, or did not fit the state, on the way; also a
 *     store that was missing
 */
public record CatchUp(
    RocksStore store,
    NodeState state,
    long caughtUp,
    Optional<SetAside> setAside,
    List<LogDamage> passedOver) {
  /** Raised when the fold gives another state for the same events, so that stores are rebuilt. */
  private static final int FOLD_VERSION = 1;

  public CatchUp {
    passedOver = List.copyOf(passedOver);
  }

  /** A store that was not used. */
  public record SetAside(Path from, Path to, String reason) {}

  /**
   * Loads RocksDB's library, which else happens in {@link #open}. Harmless when it is loaded
   * already; may run beside anything.
   */
  public static void loadLibraries() {
    RocksDB.loadLibrary();
  }

  /**
   * Opens the store in {@code folder}, which is made where it is missing, on that log.
   *
   * @throws IOException where no store can be made there
   * @throws dev.retainerd.eventlog.NewerFormatException where a newer version wrote the log
   */
  public static CatchUp open(Path folder, EventLog log) throws IOException {
    try {
      return use(folder, log, Optional.empty());
    } catch (StoreDamagedException e) {
      Path aside = freeName(folder);
      Files.move(folder, aside);
      try {
        return use(folder, log, Optional.of(new SetAside(folder, aside, e.getMessage())));
      } catch (StoreDamagedException again) {
        throw new IOException(
            again.getMessage() + "; see that the disk of " + folder + " works and has space",
            again);
      }
    }
  }

  private static Path freeName(Path folder) {
    for (int n = 1; ; n++) {
      Path name = folder.resolveSibling(folder.getFileName() + ".set-aside-" + n);
      if (Files.notExists(name)) {
        return name;
      }
    }
  }

  private static CatchUp use(Path folder, EventLog log, Optional<SetAside> aside)
      throws IOException, StoreDamagedException {
    boolean missing = !RocksStore.isThere(folder) && aside.isEmpty() && log.lastSequence() > 0;
    RocksStore store = RocksStore.open(folder, schema(), log.status().nodeId());
    try {
      if (store.appliedSequence() > log.lastSequence()) {
        throw new StoreDamagedException(
            "the store is at event "
                + store.appliedSequence()
                + ", ahead of the log's last, "
                + log.lastSequence(),
            null);
      }
      if (store.appliedSequence() > 0 && store.appliedSequence() + 1 < log.firstSequence()) {
        throw new StoreDamagedException(
            "the store is at event "
                + store.appliedSequence()
                + ", and the log retains none before "
                + log.firstSequence(),
            null);
      }
      if (store.halfFilled()) {
        throw new StoreDamagedException("the store was not filled to its end", null);
      }
      List<LogDamage> passedOver = new ArrayList<>();
      if (missing) {
        passedOver.add(
            new LogDamage(
                "store", folder.toString(), "", 0, 0, "it was missing; the log has it all"));
      }
      if (store.appliedSequence() == 0) {
        new SnapshotBase(log, passedOver).fill(store, schema());
      }
      NodeState state = NodeState.withCold(store);
      store.loadInto(state);
      long folded = new Replay(log, store, state, passedOver).run();
      return new CatchUp(store, state, folded, aside, passedOver);
    } catch (StoreDamagedException | RuntimeException e) {
      store.abandon();
      throw e;
    }
  }

  /** A print of the entries' protobuf definitions: another print, another store. */
  public static String schema() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      FileDescriptor file = NodeEntry.getDescriptor().getFile();
      digest.update(file.toProto().toByteArray());
      for (FileDescriptor imported : file.getDependencies()) {
        digest.update(imported.toProto().toByteArray());
      }
      return FOLD_VERSION + "-" + HexFormat.of().formatHex(digest.digest(), 0, 12);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK has no SHA-256", e);
    }
  }
}
