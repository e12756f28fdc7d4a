package dev.retainerd.store.rocks;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.Message;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Cache;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.DBOptions;
import org.rocksdb.FlushOptions;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * The state on disk. A column family per kind, and the sequence of the last event applied in the
 * same atomic batch as what it changed.
 *
 * <p>Not durable by itself: without a write-ahead log of its own it may lose the last events at a
 * crash, all column families together (atomic flush), and gets them again from the event log. One
 * thread applies; any number read.
 */
public final class RocksStore implements AutoCloseable {
  /**
   * Raised when entries change in a way that old ones cannot be read as; the store is then rebuilt.
   */
  static final int SCHEMA = 1;

  private static final byte[] APPLIED = "applied".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] SCHEMA_KEY = "schema".getBytes(StandardCharsets.US_ASCII);
  private static final int FLUSH_EVERY_EVENTS = 2000;
  private static final long MEMTABLES_BYTES = 4L << 20;
  private static final long CACHE_BYTES = 2L << 20;
  private static final int OPEN_FILES = 64;

  static {
    RocksDB.loadLibrary();
  }

  private final RocksDB db;
  private final List<ColumnFamilyHandle> families;
  private final List<AutoCloseable> owned;
  private final WriteOptions writeOptions;
  private long appliedSequence;
  private long flushedSequence;

  private RocksStore(
      RocksDB db,
      List<ColumnFamilyHandle> families,
      List<AutoCloseable> owned,
      long appliedSequence) {
    this.db = db;
    this.families = families;
    this.owned = owned;
    this.writeOptions = new WriteOptions().setDisableWAL(true);
    this.appliedSequence = appliedSequence;
    this.flushedSequence = appliedSequence;
  }

  /**
   * Opens the store in that folder, making it if need be.
   *
   * @throws StoreDamagedException where it cannot be read, or was written by another schema; set it
   *     aside then
   */
  static RocksStore open(Path folder) throws StoreDamagedException {
    List<AutoCloseable> owned = new ArrayList<>();
    RocksDB db = null;
    try {
      Files.createDirectories(folder);
      Cache cache = own(owned, new LRUCache(CACHE_BYTES));
      ColumnFamilyOptions familyOptions =
          own(owned, new ColumnFamilyOptions())
              .setWriteBufferSize(1L << 20)
              .setTableFormatConfig(
                  new BlockBasedTableConfig()
                      .setBlockCache(cache)
                      .setCacheIndexAndFilterBlocks(true));
      DBOptions options =
          own(owned, new DBOptions())
              .setCreateIfMissing(true)
              .setCreateMissingColumnFamilies(true)
              .setAtomicFlush(true)
              .setParanoidChecks(true)
              .setDbWriteBufferSize(MEMTABLES_BYTES)
              .setMaxOpenFiles(OPEN_FILES)
              .setMaxBackgroundJobs(2)
              .setKeepLogFileNum(2)
              .setStatsDumpPeriodSec(0)
              .setInfoLogLevel(InfoLogLevel.WARN_LEVEL);
      List<ColumnFamilyHandle> handles = new ArrayList<>();
      db = RocksDB.open(options, folder.toString(), families(familyOptions), handles);
      long applied = readApplied(db);
      checkSchema(db);
      return new RocksStore(db, handles, owned, applied);
    } catch (RocksDBException | IOException | IllegalArgumentException e) {
      if (db != null) {
        db.close();
      }
      closeAll(owned);
      throw new StoreDamagedException(
          "the store " + folder + " cannot be read: " + e.getMessage(), e);
    }
  }

  private static <T extends AutoCloseable> T own(List<AutoCloseable> owned, T resource) {
    owned.add(resource);
    return resource;
  }

  private static List<ColumnFamilyDescriptor> families(ColumnFamilyOptions options) {
    List<ColumnFamilyDescriptor> descriptors = new ArrayList<>();
    descriptors.add(new ColumnFamilyDescriptor(RocksDB.DEFAULT_COLUMN_FAMILY, options));
    for (Kind<?> kind : Kind.ALL) {
      descriptors.add(
          new ColumnFamilyDescriptor(kind.title().getBytes(StandardCharsets.US_ASCII), options));
    }
    return descriptors;
  }

  private static long readApplied(RocksDB db) throws RocksDBException {
    byte[] value = db.get(APPLIED);
    return value == null ? 0 : ByteBuffer.wrap(value).getLong();
  }

  private static void checkSchema(RocksDB db) throws RocksDBException {
    byte[] value = db.get(SCHEMA_KEY);
    if (value != null && ByteBuffer.wrap(value).getInt() != SCHEMA) {
      throw new IllegalArgumentException(
          "it has schema " + ByteBuffer.wrap(value).getInt() + ", this version writes " + SCHEMA);
    }
  }

  /** The sequence of the last event whose changes are here. */
  public long appliedSequence() {
    return appliedSequence;
  }

  /**
   * Applies what the events up to {@code sequence} changed, in one atomic batch. One thread only.
   */
  public void apply(long sequence, Collection<? extends Delta<?>> deltas) {
    try (WriteBatch batch = new WriteBatch()) {
      for (Delta<?> delta : deltas) {
        add(batch, delta);
      }
      batch.put(APPLIED, ByteBuffer.allocate(Long.BYTES).putLong(sequence).array());
      batch.put(SCHEMA_KEY, ByteBuffer.allocate(Integer.BYTES).putInt(SCHEMA).array());
      db.write(writeOptions, batch);
      appliedSequence = sequence;
      if (appliedSequence - flushedSequence >= FLUSH_EVERY_EVENTS) {
        flush(false);
      }
    } catch (RocksDBException e) {
      throw new IllegalStateException("the store refuses a batch: " + e.getMessage(), e);
    }
  }

  private <T extends Message> void add(WriteBatch batch, Delta<T> delta) throws RocksDBException {
    ColumnFamilyHandle family = family(delta.key().kind());
    if (delta.entry().isPresent()) {
      batch.put(family, delta.key().bytes(), bytes(delta.entry().get()));
    } else {
      batch.delete(family, delta.key().bytes());
    }
  }

  /** The same entry gives the same bytes, whatever order its maps were filled in. */
  static byte[] bytes(Message entry) {
    byte[] bytes = new byte[entry.getSerializedSize()];
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    out.useDeterministicSerialization();
    try {
      entry.writeTo(out);
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes;
  }

  private ColumnFamilyHandle family(Kind<?> kind) {
    return families.get(kind.ordinal() + 1);
  }

  /** The entry of that key, read from disk. Any thread. */
  public <T extends Message> Optional<T> get(Key<T> key) {
    try {
      byte[] value = db.get(family(key.kind()), key.bytes());
      return value == null ? Optional.empty() : Optional.of(key.kind().parse(value));
    } catch (RocksDBException e) {
      throw new IllegalStateException("the store cannot read " + key + ": " + e.getMessage(), e);
    }
  }

  /**
   * Loads every resident entry.
   *
   * @throws StoreDamagedException where one cannot be read
   */
  void loadInto(NodeState state) throws StoreDamagedException {
    for (Kind<?> kind : Kind.ALL) {
      if (kind.resident()) {
        load(kind, state);
      }
    }
    state.apply(appliedSequence, List.of());
  }

  private <T extends Message> void load(Kind<T> kind, NodeState state)
      throws StoreDamagedException {
    List<Delta<T>> deltas = new ArrayList<>();
    try (RocksIterator iterator = db.newIterator(family(kind))) {
      for (iterator.seekToFirst(); iterator.isValid(); iterator.next()) {
        String path = new String(iterator.key(), StandardCharsets.UTF_8);
        deltas.add(Delta.put(Key.ofPath(kind, path), kind.parse(iterator.value())));
      }
      iterator.status();
    } catch (RocksDBException | RuntimeException e) {
      throw new StoreDamagedException(
          "the store's " + kind + " entries cannot be read: " + e.getMessage(), e);
    }
    state.apply(state.sequence(), deltas);
  }

  /** Every entry as it is stored, kind by kind, for comparison. */
  public void forEachStored(StoredVisitor visitor) {
    for (Kind<?> kind : Kind.ALL) {
      try (RocksIterator iterator = db.newIterator(family(kind))) {
        for (iterator.seekToFirst(); iterator.isValid(); iterator.next()) {
          visitor.visit(kind, new String(iterator.key(), StandardCharsets.UTF_8), iterator.value());
        }
      }
    }
  }

  /** Gets entries as they are stored. */
  @FunctionalInterface
  public interface StoredVisitor {
    void visit(Kind<?> kind, String path, byte[] value);
  }

  private void flush(boolean wait) throws RocksDBException {
    try (FlushOptions options = new FlushOptions().setWaitForFlush(wait).setAllowWriteStall(wait)) {
      db.flush(options, families);
      flushedSequence = appliedSequence;
    }
  }

  /** Writes what is only in memory, so that the next start has nothing to catch up. */
  @Override
  public void close() {
    try {
      flush(true);
    } catch (RocksDBException e) {
      // The log has it all: the next start catches up.
      System.getLogger(RocksStore.class.getName())
          .log(System.Logger.Level.WARNING, "the store was not flushed: {0}", e.getMessage());
    }
    families.forEach(ColumnFamilyHandle::close);
    writeOptions.close();
    db.close();
    closeAll(owned);
  }

  private static void closeAll(List<AutoCloseable> resources) {
    for (AutoCloseable resource : resources.reversed()) {
      try {
        resource.close();
      } catch (Exception e) {
        throw new IllegalStateException("a native resource does not close", e);
      }
    }
  }
}
