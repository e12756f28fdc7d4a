package dev.retainerd.store.rocks;

import com.google.protobuf.Message;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongFunction;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.DBOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/**
 * Whether a store holds what the fold makes of the events, byte by byte. The store is opened for
 * reading only, so it may be a copy, or that of a daemon which is running: then what is compared is
 * what was flushed last.
 *
 * @param sequence the event the store stands at
 * @param entries how many entries it holds
 * @param difference the first entry that is not as it should be, in words; empty where none is
 */
public record StoreComparison(long sequence, long entries, Optional<String> difference) {

  /**
   * Compares.
   *
   * @param folder the store's, such as {@code /var/lib/retainerd/store}
   * @param folded gives the state that the fold makes of the events up to a sequence
   * @throws StoreException where the store cannot be read
   */
  public static StoreComparison of(Path folder, LongFunction<NodeState> folded) {
    RocksDB.loadLibrary();
    List<ColumnFamilyHandle> handles = new ArrayList<>();
    try (StoreTuning tuning = new StoreTuning()) {
      List<ColumnFamilyDescriptor> families = RocksStore.families(tuning);
      DBOptions options = tuning.database().setCreateIfMissing(false);
      try (RocksDB db = RocksDB.openReadOnly(options, folder.toString(), families, handles)) {
        byte[] applied = db.get(handles.getFirst(), RocksStore.APPLIED);
        if (applied == null) {
          return new StoreComparison(0, 0, Optional.empty());
        }
        long sequence = ByteBuffer.wrap(applied).getLong();
        return compare(db, handles, sequence, folded.apply(sequence));
      } finally {
        handles.forEach(ColumnFamilyHandle::close);
      }
    } catch (RocksDBException e) {
      throw new StoreException("the store " + folder + " cannot be read: " + e.getMessage(), e);
    }
  }

  private static StoreComparison compare(
      RocksDB db, List<ColumnFamilyHandle> handles, long sequence, NodeState state)
      throws RocksDBException {
    long entries = 0;
    Optional<String> difference = Optional.empty();
    for (Kind<?> kind : Kind.ALL) {
      Set<String> seen = new HashSet<>();
      Optional<String> own = ofKind(db, handles.get(kind.ordinal() + 1), kind, state, seen);
      entries += seen.size();
      difference = difference.or(() -> own);
    }
    return new StoreComparison(sequence, entries, difference);
  }

  private static <T extends Message> Optional<String> ofKind(
      RocksDB db, ColumnFamilyHandle family, Kind<T> kind, NodeState state, Set<String> seen)
      throws RocksDBException {
    List<String> differences = new ArrayList<>(1);
    try (RocksIterator entry = db.newIterator(family)) {
      for (entry.seekToFirst(); entry.isValid(); entry.next()) {
        String path = new String(entry.key(), StandardCharsets.UTF_8);
        seen.add(path);
        Optional<T> wanted = state.get(Key.ofPath(kind, path));
        if (differences.isEmpty() && wanted.isEmpty()) {
          differences.add(words(kind, path) + " is in the store, and no event made it");
        } else if (differences.isEmpty()
            && !Arrays.equals(RocksStore.bytes(wanted.orElseThrow()), entry.value())) {
          differences.add(words(kind, path) + " is not what the events make of it");
        }
      }
      entry.status();
    }
    if (differences.isEmpty() && state.count(kind) > seen.size()) {
      state.forEach(
          kind,
          (key, wanted) -> {
            if (differences.isEmpty() && !seen.contains(key.path())) {
              differences.add(key + " is missing in the store");
            }
          });
    }
    return differences.stream().findFirst();
  }

  private static String words(Kind<?> kind, String path) {
    return Key.ofPath(kind, path).toString();
  }
}
