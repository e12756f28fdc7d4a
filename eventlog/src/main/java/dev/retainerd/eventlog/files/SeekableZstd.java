package dev.retainerd.eventlog.files;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import com.github.luben.zstd.ZstdException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Record files under zstd, in frames that can be unpacked one by one: the seekable format of zstd's
 * own contrib folder. {@code zstd -d} unpacks such a file as any other, because the table of frames
 * at its end is a frame that is skipped.
 *
 * <p>At most one frame is held unpacked, so that reading an archive costs {@value #FRAME_BYTES}
 * bytes of memory, however large it is.
 */
final class SeekableZstd {
  /** Unpacked bytes of a frame; the last one may have fewer. */
  static final int FRAME_BYTES = 1 << 20;

  private static final int LEVEL = 3;
  private static final int SKIPPABLE_MAGIC = 0x184D2A5E;
  private static final int SEEKABLE_MAGIC = 0x8F92EAB1;
  private static final int FOOTER_BYTES = 9;
  private static final int ENTRY_BYTES = 8;
  private static final int FRAMES_BOUND = 1 << 20;

  private SeekableZstd() {}

  /**
   * Packs the first {@code length} bytes of a source. Durable on return, its name is not.
   *
   * @return bytes written
   */
  static long pack(RecordSource source, long length, Path target) throws IOException {
    List<int[]> frames = new ArrayList<>();
    byte[] raw = new byte[FRAME_BYTES];
    byte[] packed = new byte[(int) Zstd.compressBound(FRAME_BYTES)];
    long written = 0;
    try (FileOutputStream out = new FileOutputStream(target.toFile());
        ZstdCompressCtx zstd = new ZstdCompressCtx().setLevel(LEVEL).setChecksum(true)) {
      for (long at = 0; at < length; at += FRAME_BYTES) {
        int wanted = (int) Math.min(FRAME_BYTES, length - at);
        int got = readFully(source, raw, wanted, at);
        // What a file that was cut short lacks is zeros, as behind any end.
        Arrays.fill(raw, got, wanted, (byte) 0);
        int size = zstd.compressByteArray(packed, 0, packed.length, raw, 0, wanted);
        out.write(packed, 0, size);
        frames.add(new int[] {size, wanted});
        written += size;
      }
      byte[] table = table(frames);
      out.write(table);
      out.getFD().sync();
      return written + table.length;
    }
  }

  private static byte[] table(List<int[]> frames) {
    int content = frames.size() * ENTRY_BYTES + FOOTER_BYTES;
    ByteBuffer table = ByteBuffer.allocate(8 + content).order(ByteOrder.LITTLE_ENDIAN);
    table.putInt(SKIPPABLE_MAGIC).putInt(content);
    frames.forEach(frame -> table.putInt(frame[0]).putInt(frame[1]));
    return table.putInt(frames.size()).put((byte) 0).putInt(SEEKABLE_MAGIC).array();
  }

  static int readFully(RecordSource source, byte[] into, int length, long position)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(into, 0, length);
    while (buffer.hasRemaining()) {
      if (source.read(buffer, position + buffer.position()) < 0) {
        break;
      }
    }
    return buffer.position();
  }

  /**
   * Opens a packed file for reading. A frame that is damaged reads as zeros, and a file whose table
   * is damaged as empty, so that a reader finds a hole there as it would in an unpacked file.
   */
  static RecordSource open(Path file) throws IOException {
    RandomAccessFile packed = new RandomAccessFile(file.toFile(), "r");
    try {
      return new Packed(packed, readTable(packed));
    } catch (IOException | RuntimeException e) {
      packed.close();
      throw e;
    }
  }

  /** Where each frame begins, packed and unpacked, and behind them the two ends. */
  private static long[][] readTable(RandomAccessFile file) throws IOException {
    long length = file.length();
    if (length < FOOTER_BYTES + 8) {
      return new long[2][1];
    }
    ByteBuffer footer = bytes(file, length - FOOTER_BYTES, FOOTER_BYTES);
    int count = footer.getInt(0);
    int content = count * ENTRY_BYTES + FOOTER_BYTES;
    boolean sound =
        footer.getInt(5) == SEEKABLE_MAGIC
            && footer.get(4) == 0
            && count >= 0
            && count <= FRAMES_BOUND
            && length >= content + 8L;
    if (!sound) {
      return new long[2][1];
    }
    ByteBuffer table = bytes(file, length - content, content);
    long[][] starts = new long[2][count + 1];
    for (int i = 0; i < count; i++) {
      int size = table.getInt();
      int unpacked = table.getInt();
      if (size <= 0 || unpacked <= 0 || unpacked > FRAME_BYTES) {
        return new long[2][1];
      }
      starts[0][i + 1] = starts[0][i] + size;
      starts[1][i + 1] = starts[1][i] + unpacked;
    }
    return starts[0][count] == length - content - 8 ? starts : new long[2][1];
  }

  private static ByteBuffer bytes(RandomAccessFile file, long at, int length) throws IOException {
    byte[] bytes = new byte[length];
    file.seek(at);
    file.readFully(bytes);
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static final class Packed implements RecordSource {
    private final RandomAccessFile file;
    private final long[] packedAt;
    private final long[] unpackedAt;
    private byte[] frame = new byte[0];
    private int frameNumber = -1;

    Packed(RandomAccessFile file, long[][] starts) {
      this.file = file;
      this.packedAt = starts[0];
      this.unpackedAt = starts[1];
    }

    @Override
    public int read(ByteBuffer into, long position) throws IOException {
      if (position >= size()) {
        return -1;
      }
      int found = Arrays.binarySearch(unpackedAt, position);
      unpack(found >= 0 ? found : -found - 2);
      int from = (int) (position - unpackedAt[frameNumber]);
      int n = Math.min(into.remaining(), frame.length - from);
      into.put(frame, from, n);
      return n;
    }

    private void unpack(int number) throws IOException {
      if (number == frameNumber) {
        return;
      }
      byte[] packed = new byte[(int) (packedAt[number + 1] - packedAt[number])];
      file.seek(packedAt[number]);
      file.readFully(packed);
      int length = (int) (unpackedAt[number + 1] - unpackedAt[number]);
      try {
        frame = Zstd.decompress(packed, length);
        if (frame.length != length) {
          frame = new byte[length];
        }
      } catch (ZstdException e) {
        frame = new byte[length];
      }
      frameNumber = number;
    }

    @Override
    public long size() {
      return unpackedAt[unpackedAt.length - 1];
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }
}
