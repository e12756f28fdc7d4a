package dev.retainerd.store.rocks;

import com.google.protobuf.Message;
import dev.retainerd.store.snapshot.EntryBytes;
import dev.retainerd.store.snapshot.StateEntries;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.DBOptions;
import org.rocksdb.FlushOptions;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Snapshot;
import org.rocksdb.Status;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * The folded state in RocksDB: a column family for each kind, and one for the sequence it stands
 * at. Nothing is in a WAL: what was not flushed at a crash is folded from the log again.
 *
 * <p>{@link #apply} is called by one thread; reads by any. Holding only what was durable in the log
 * is up to the caller.
 */
public final class RocksStore implements NodeState.ColdEntries, AutoCloseable {
  static final byte[] APPLIED = utf8("applied-sequence");
  static final byte[] SCHEMA = utf8("schema");
  static final byte[] NODE = utf8("node");

  /** Its presence says that a read found damage, so that the next opening does not trust it. */
  private static final String DAMAGED_FILE = "DAMAGED";

  private static final long RETRY_NANOS = 1_000_000_000L;
  private static final long FLUSH_EVENTS = 5_000;
  private static final long FLUSH_NANOS = 30_000_000_000L;

  static {
    RocksDB.loadLibrary();
  }

  /** Gets entries as they are stored. */
  @FunctionalInterface
  public interface StoredVisitor {
    void visit(Kind<?> kind, String path, byte[] value);
  }

  private final Path folder;
  private final StoreTuning tuning;
  private final RocksDB db;
  private final ColumnFamilyHandle meta;
  private final List<ColumnFamilyHandle> kinds;
  private final WriteOptions unlogged;
  private final FlushOptions flushSoon;
  private final ReadWriteLock openness = new ReentrantReadWriteLock();

  /** What RocksDB has not taken yet. Written by the one thread that applies. */
  private final ConcurrentHashMap<Key<?>, Delta<?>> pending = new ConcurrentHashMap<>();

  private long wanted;
  private boolean refused;
  private long refusedAtNanos;
  private volatile long applied;
  private long flushed;
  private long flushedAtNanos = System.nanoTime();
  private boolean closed;

  private RocksStore(
      Path folder, StoreTuning tuning, RocksDB db, List<ColumnFamilyHandle> handles) {
    this.folder = folder;
    this.tuning = tuning;
    this.db = db;
    this.meta = handles.getFirst();
    this.kinds = List.copyOf(handles.subList(1, handles.size()));
    this.unlogged = tuning.own(new WriteOptions().setDisableWAL(true).setNoSlowdown(true));
    this.flushSoon =
        tuning.own(new FlushOptions().setWaitForFlush(false).setAllowWriteStall(false));
  }

  /**
   * Opens a store that is whole, or makes an empty one.
   *
   * @param schema what the entries look like and how they are folded
   * @param nodeId whose state it is
   * @throws StoreDamagedException where it cannot be read, or is of another schema or node; set it
   *     aside then
   */
  static RocksStore open(Path folder, String schema, String nodeId)
      throws IOException, StoreDamagedException {
    Files.createDirectories(folder);
    if (Files.exists(folder.resolve(DAMAGED_FILE))) {
      throw new StoreDamagedException("a read found damage in the store " + folder, null);
    }
    if (!isThere(folder) && holdsTables(folder)) {
      // RocksDB would take it for a new one, and delete what is in it.
      throw new StoreDamagedException("the store " + folder + " has lost its CURRENT", null);
    }
    StoreTuning tuning = new StoreTuning();
    List<ColumnFamilyDescriptor> families = families(tuning);
    List<ColumnFamilyHandle> handles = new ArrayList<>();
    DBOptions options = tuning.database();
    RocksDB db;
    try {
      db = RocksDB.open(options, folder.toString(), families, handles);
    } catch (RocksDBException e) {
      tuning.close();
      throw unreadable(folder, e);
    }
    RocksStore store = new RocksStore(folder, tuning, db, handles);
    try {
      db.verifyChecksum();
      store.readMeta(schema, nodeId);
      return store;
    } catch (RocksDBException e) {
      store.abandon();
      throw unreadable(folder, e);
    } catch (StoreDamagedException e) {
      store.abandon();
      throw e;
    }
  }

  /** That of the sequence, then one for each kind in the order of {@link Kind#ALL}. */
  static List<ColumnFamilyDescriptor> families(StoreTuning tuning) {
    List<ColumnFamilyDescriptor> families = new ArrayList<>();
    families.add(new ColumnFamilyDescriptor(RocksDB.DEFAULT_COLUMN_FAMILY, tuning.family(false)));
    for (Kind<?> kind : Kind.ALL) {
      families.add(new ColumnFamilyDescriptor(utf8(kind.title()), tuning.family(!kind.resident())));
    }
    return families;
  }

  /** Whether there is a store, in whatever condition, but for its first file being lost. */
  static boolean isThere(Path folder) {
    return Files.exists(folder.resolve("CURRENT"));
  }

  private static boolean holdsTables(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .anyMatch(name -> name.endsWith(".sst") || name.startsWith("MANIFEST-"));
    }
  }

  private static StoreDamagedException unreadable(Path folder, RocksDBException e) {
    return new StoreDamagedException(
        "the store " + folder + " cannot be read: " + e.getMessage(), e);
  }

  private void readMeta(String schema, String nodeId)
      throws RocksDBException, StoreDamagedException {
    byte[] sequence = db.get(meta, APPLIED);
    if (sequence == null) {
      try (WriteBatch batch = new WriteBatch()) {
        batch.put(meta, SCHEMA, utf8(schema));
        batch.put(meta, NODE, utf8(nodeId));
        batch.put(meta, APPLIED, sequenceBytes(0));
        db.write(unlogged, batch);
      }
      return;
    }
    if (!Arrays.equals(db.get(meta, SCHEMA), utf8(schema))) {
      throw new StoreDamagedException(
          "the store " + folder + " was written with another schema of the state", null);
    }
    if (!Arrays.equals(db.get(meta, NODE), utf8(nodeId))) {
      throw new StoreDamagedException("the store " + folder + " belongs to another node", null);
    }
    applied = ByteBuffer.wrap(sequence).getLong();
    flushed = applied;
  }

  /** The sequence of the last event whose changes are in here. */
  public long appliedSequence() {
    return applied;
  }

  /**
   * Puts in what the events up to {@code sequence} changed, all or nothing.
   *
   * <p>Where RocksDB refuses, because the disk is full for instance, the changes are kept in memory
   * and tried again with the next: the log has them, and the daemon goes on.
   */
  public void apply(long sequence, Collection<? extends Delta<?>> deltas) {
    wanted = sequence;
    for (Delta<?> delta : deltas) {
      pending.put(delta.key(), delta);
    }
    if (refused && System.nanoTime() - refusedAtNanos < RETRY_NANOS) {
      return;
    }
    try (WriteBatch batch = new WriteBatch()) {
      for (Delta<?> delta : pending.values()) {
        ColumnFamilyHandle family = kinds.get(delta.key().kind().ordinal());
        if (delta.entry().isPresent()) {
          batch.put(family, delta.key().bytes(), EntryBytes.of(delta.entry().get()));
        } else {
          batch.delete(family, delta.key().bytes());
        }
      }
      batch.put(meta, APPLIED, sequenceBytes(sequence));
      db.write(unlogged, batch);
      applied = sequence;
      pending.clear();
      refused = false;
      flushNowAndThen();
    } catch (RocksDBException e) {
      refuse(e);
    }
  }

  private void refuse(RocksDBException e) {
    if (!refused) {
      System.getLogger(RocksStore.class.getName())
          .log(
              System.Logger.Level.WARNING,
              "the store in {0} takes no changes ({1}); they are kept in memory and tried again",
              folder,
              e.getMessage());
    }
    refused = true;
    refusedAtNanos = System.nanoTime();
    if (e.getStatus() != null && e.getStatus().getCode() == Status.Code.Corruption) {
      distrust();
    }
  }

  /** Keeps short what a start after a crash has to fold again. Does not wait for the disk. */
  private void flushNowAndThen() throws RocksDBException {
    long now = System.nanoTime();
    if (applied - flushed >= FLUSH_EVENTS || now - flushedAtNanos >= FLUSH_NANOS) {
      db.flush(flushSoon, all());
      flushed = applied;
      flushedAtNanos = now;
    }
  }

  private List<ColumnFamilyHandle> all() {
    List<ColumnFamilyHandle> all = new ArrayList<>(kinds);
    all.add(meta);
    return all;
  }

  /** Makes everything applied so far durable. */
  public void flush() {
    if (!pending.isEmpty()) {
      refusedAtNanos = System.nanoTime() - RETRY_NANOS;
      apply(wanted, List.of());
    }
    try (FlushOptions wait = new FlushOptions().setWaitForFlush(true)) {
      db.flush(wait, all());
      flushed = applied;
      flushedAtNanos = System.nanoTime();
    } catch (RocksDBException e) {
      throw failed("cannot be flushed", e);
    }
  }

  @Override
  public <T extends Message> Optional<T> get(Key<T> key) {
    openness.readLock().lock();
    try {
      if (closed) {
        return Optional.empty();
      }
      @SuppressWarnings("unchecked") // a delta's entry is of its key's type
      Delta<T> own = (Delta<T>) pending.get(key);
      if (own != null) {
        return own.entry();
      }
      byte[] bytes = db.get(kinds.get(key.kind().ordinal()), key.bytes());
      return Optional.ofNullable(bytes).map(key.kind()::parse);
    } catch (RocksDBException e) {
      throw failed("cannot be read", e);
    } finally {
      openness.readLock().unlock();
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
    state.apply(applied, List.of());
  }

  private <T extends Message> void load(Kind<T> kind, NodeState state)
      throws StoreDamagedException {
    List<Delta<T>> entries = new ArrayList<>();
    try {
      scan(
          kind, (path, value) -> entries.add(Delta.put(Key.ofPath(kind, path), kind.parse(value))));
    } catch (RocksDBException | IllegalArgumentException e) {
      throw new StoreDamagedException(
          "the store's " + kind + " entries cannot be read: " + e.getMessage(), e);
    }
    state.apply(state.sequence(), entries);
  }

  /** What is done with the state while it stands still. */
  @FunctionalInterface
  public interface Stillness<T> {
    T look(long sequence, StateEntries entries) throws IOException;
  }

  /**
   * Shows the state as it is now, at one sequence, while events go on being applied. Closing the
   * store waits for it.
   */
  public <T> T standingStill(Stillness<T> stillness) throws IOException {
    openness.readLock().lock();
    try {
      if (closed) {
        throw new IOException("the store is closed");
      }
      Snapshot now = db.getSnapshot();
      try (ReadOptions at = new ReadOptions().setSnapshot(now)) {
        byte[] sequence = db.get(meta, at, APPLIED);
        return stillness.look(
            ByteBuffer.wrap(sequence).getLong(), visitor -> forEachAt(at, visitor));
      } finally {
        db.releaseSnapshot(now);
      }
    } catch (RocksDBException e) {
      throw failed("cannot be read", e);
    } finally {
      openness.readLock().unlock();
    }
  }

  private void forEachAt(ReadOptions at, StateEntries.Visitor visitor) {
    for (Kind<?> kind : Kind.ALL) {
      try (RocksIterator entries = db.newIterator(kinds.get(kind.ordinal()), at)) {
        for (entries.seekToFirst(); entries.isValid(); entries.next()) {
          visitor.visit(kind, new String(entries.key(), StandardCharsets.UTF_8), entries.value());
        }
        entries.status();
      } catch (RocksDBException e) {
        throw failed("cannot be read", e);
      }
    }
  }

  /** Whether it holds entries and yet stands at no event: its filling was cut short. */
  boolean halfFilled() {
    boolean[] any = {false};
    if (applied == 0) {
      forEachStored((kind, path, value) -> any[0] = true);
    }
    return any[0];
  }

  /** Every entry as it is stored, kind by kind, in order of key. */
  public void forEachStored(StoredVisitor visitor) {
    try {
      for (Kind<?> kind : Kind.ALL) {
        scan(kind, (path, value) -> visitor.visit(kind, path, value));
      }
    } catch (RocksDBException e) {
      throw failed("cannot be read", e);
    }
  }

  private void scan(Kind<?> kind, BiConsumer<String, byte[]> visitor) throws RocksDBException {
    try (RocksIterator entries = db.newIterator(kinds.get(kind.ordinal()))) {
      for (entries.seekToFirst(); entries.isValid(); entries.next()) {
        visitor.accept(new String(entries.key(), StandardCharsets.UTF_8), entries.value());
      }
      entries.status();
    }
  }

  private StoreException failed(String what, RocksDBException e) {
    if (e.getStatus() != null && e.getStatus().getCode() == Status.Code.Corruption) {
      distrust();
    }
    return new StoreException(
        "the store in "
            + folder
            + " "
            + what
            + ": "
            + e.getMessage()
            + "; restart the daemon, which rebuilds it from the event log",
        e);
  }

  /** Makes the next opening set this store aside. */
  private void distrust() {
    try {
      Files.writeString(folder.resolve(DAMAGED_FILE), "a read found damage\n");
    } catch (IOException e) {
      throw new StoreException("the store in " + folder + " cannot be marked as damaged", e);
    }
  }

  /** Closes without flushing. */
  void abandon() {
    openness.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        kinds.forEach(ColumnFamilyHandle::close);
        meta.close();
        db.close();
        tuning.close();
      }
    } finally {
      openness.writeLock().unlock();
    }
  }

  /** Flushes and closes. Reads find nothing afterwards. */
  @Override
  public void close() {
    if (!closed) {
      try {
        flush();
      } catch (StoreException e) {
        // The log has it all: the next start folds it again.
        System.getLogger(RocksStore.class.getName())
            .log(System.Logger.Level.WARNING, e.getMessage());
      } finally {
        abandon();
      }
    }
  }

  private static byte[] sequenceBytes(long sequence) {
    return ByteBuffer.allocate(Long.BYTES).putLong(sequence).array();
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
