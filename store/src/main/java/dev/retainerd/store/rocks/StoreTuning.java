package dev.retainerd.store.rocks;

import java.util.ArrayList;
import java.util.List;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;

/**
 * RocksDB's options for a store of some thousand entries that has to be small in memory. Owns the
 * native objects behind them.
 */
final class StoreTuning implements AutoCloseable {
  private static final long BLOCK_CACHE_BYTES = 2 << 20;
  private static final long ALL_WRITE_BUFFERS_BYTES = 8 << 20;
  private static final long WRITE_BUFFER_BYTES = 1 << 20;
  private static final long ARENA_BLOCK_BYTES = 16 << 10;
  private static final long INFO_LOG_BYTES = 256 << 10;
  private static final int OPEN_FILES = 128;

  private final Cache cache = new LRUCache(BLOCK_CACHE_BYTES, 0);
  private final List<AutoCloseable> owned = new ArrayList<>();

  DBOptions database() {
    DBOptions options =
        new DBOptions()
            .setCreateIfMissing(true)
            .setCreateMissingColumnFamilies(true)
            // Column families change together or not at all, though nothing is in a WAL.
            .setAtomicFlush(true)
            .setParanoidChecks(true)
            .setDbWriteBufferSize(ALL_WRITE_BUFFERS_BYTES)
            .setMaxOpenFiles(OPEN_FILES)
            .setMaxBackgroundJobs(2)
            .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
            .setKeepLogFileNum(2)
            .setMaxLogFileSize(INFO_LOG_BYTES)
            .setStatsDumpPeriodSec(0);
    owned.add(options);
    return options;
  }

  ColumnFamilyOptions family(boolean large) {
    BloomFilter filter = new BloomFilter(10);
    owned.add(filter);
    BlockBasedTableConfig table =
        new BlockBasedTableConfig()
            .setBlockCache(cache)
            .setCacheIndexAndFilterBlocks(true)
            .setFilterPolicy(filter);
    ColumnFamilyOptions options =
        new ColumnFamilyOptions()
            .setWriteBufferSize(WRITE_BUFFER_BYTES)
            .setArenaBlockSize(ARENA_BLOCK_BYTES)
            .setMaxWriteBufferNumber(2)
            .setTableFormatConfig(table)
            .setCompressionType(
                large ? CompressionType.ZSTD_COMPRESSION : CompressionType.LZ4_COMPRESSION);
    owned.add(options);
    return options;
  }

  <T extends AutoCloseable> T own(T nativeObject) {
    owned.add(nativeObject);
    return nativeObject;
  }

  @Override
  public void close() {
    for (AutoCloseable one : owned.reversed()) {
      try {
        one.close();
      } catch (Exception e) {
        throw new IllegalStateException("a native object of RocksDB cannot be freed", e);
      }
    }
    cache.close();
  }
}
