package dev.retainerd.store.rocks;

import com.google.protobuf.Message;
import dev.retainerd.store.snapshot.EntryBytes;
import dev.retainerd.store.state.Kind;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.DBOptions;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/**
 * A store opened for looking only, beside a daemon that uses it or as a copy: takes no lock and
 * writes no byte. What the daemon has not flushed yet is not in it; {@link #appliedSequence()} says
 * where it stands. One thread at a time.
 */
public final class StoredProjection implements AutoCloseable {
  private static final int TRIES = 3;

  static {
    RocksDB.loadLibrary();
  }

  private final Path folder;
  private final StoreTuning tuning;
  private final RocksDB db;
  private final ColumnFamilyHandle meta;
  private final List<ColumnFamilyHandle> kinds;

  private StoredProjection(
      Path folder, StoreTuning tuning, RocksDB db, List<ColumnFamilyHandle> handles) {
    this.folder = folder;
    this.tuning = tuning;
    this.db = db;
    this.meta = handles.getFirst();
    this.kinds = List.copyOf(handles.subList(1, handles.size()));
  }

  /**
   * Opens the store in {@code folder}.
   *
   * @throws StoreException where there is none, it cannot be read, or a version with another schema
   *     of the state wrote it
   */
  public static StoredProjection open(Path folder) {
    if (!RocksStore.isThere(folder)) {
      throw new StoreException("the store " + folder + " cannot be read: there is none", null);
    }
    RocksDBException last = null;
    for (int i = 0; i < TRIES; i++) {
      try {
        StoredProjection store = attempt(folder);
        store.checkSchema();
        return store;
      } catch (RocksDBException e) {
        // The daemon may have replaced files between our reading their list and opening them.
        last = e;
      }
    }
    throw new StoreException(
        "the store in " + folder + " cannot be read: " + last.getMessage(), last);
  }

  private static StoredProjection attempt(Path folder) throws RocksDBException {
    StoreTuning tuning = new StoreTuning();
    List<ColumnFamilyDescriptor> families = RocksStore.families(tuning);
    List<ColumnFamilyHandle> handles = new ArrayList<>();
    DBOptions options =
        tuning
            .database()
            .setCreateIfMissing(false)
            .setCreateMissingColumnFamilies(false)
            .setInfoLogLevel(InfoLogLevel.FATAL_LEVEL);
    try {
      return new StoredProjection(
          folder,
          tuning,
          RocksDB.openReadOnly(options, folder.toString(), families, handles),
          handles);
    } catch (RocksDBException e) {
      tuning.close();
      throw e;
    }
  }

  private void checkSchema() throws RocksDBException {
    byte[] schema = db.get(meta, RocksStore.SCHEMA);
    if (schema != null && !Arrays.equals(schema, RocksStore.utf8(CatchUp.schema()))) {
      close();
      throw new StoreException(
          "the store in "
              + folder
              + " was written by a version with another schema of the state: use that version",
          null);
    }
  }

  /** The last event whose changes are in here; 0 where nothing was flushed yet. */
  public long appliedSequence() {
    byte[] bytes = meta(RocksStore.APPLIED);
    return bytes.length == 0 ? 0 : ByteBuffer.wrap(bytes).getLong();
  }

  /** Whose state it is; "" where nothing was flushed yet. */
  public String nodeId() {
    return new String(meta(RocksStore.NODE), StandardCharsets.UTF_8);
  }

  private byte[] meta(byte[] key) {
    try {
      byte[] value = db.get(meta, key);
      return value == null ? new byte[0] : value;
    } catch (RocksDBException e) {
      throw failed(e);
    }
  }

  /** Every entry as it is stored, kind by kind, in order of key. */
  public void forEachStored(RocksStore.StoredVisitor visitor) {
    for (Kind<?> kind : Kind.ALL) {
      try (RocksIterator entries = db.newIterator(kinds.get(kind.ordinal()))) {
        for (entries.seekToFirst(); entries.isValid(); entries.next()) {
          visitor.visit(kind, new String(entries.key(), StandardCharsets.UTF_8), entries.value());
        }
        entries.status();
      } catch (RocksDBException e) {
        throw failed(e);
      }
    }
  }

  /** Whether {@code stored} is what the daemon writes for this entry, byte for byte. */
  public static boolean same(Message entry, byte[] stored) {
    return Arrays.equals(EntryBytes.of(entry), stored);
  }

  private StoreException failed(RocksDBException e) {
    return new StoreException("the store in " + folder + " cannot be read: " + e.getMessage(), e);
  }

  @Override
  public void close() {
    kinds.forEach(ColumnFamilyHandle::close);
    meta.close();
    db.close();
    tuning.close();
  }
}
