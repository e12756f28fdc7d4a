package dev.retainerd.runtime.archive;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;
import java.util.zip.GZIPInputStream;

/** How a layer is compressed, told by its first bytes and not by what its descriptor claims. */
public enum Compression {
  NONE,
  GZIP,
  ZSTD;

  private static final int MAGIC_BYTES = 4;
  private static final int BUFFER_BYTES = 64 * 1024;

  /** The plain bytes of {@code in}; closing the result closes {@code in}. */
  public static InputStream decompress(InputStream in) throws IOException {
    PushbackInputStream source = new PushbackInputStream(in, MAGIC_BYTES);
    byte[] magic = new byte[MAGIC_BYTES];
    int read = source.readNBytes(magic, 0, MAGIC_BYTES);
    source.unread(magic, 0, read);
    return switch (of(magic, read)) {
      case NONE -> source;
      case GZIP -> new GZIPInputStream(source, BUFFER_BYTES);
      case ZSTD -> new ZstdInputStreamNoFinalizer(source);
    };
  }

  /** What the first bytes of a stream say. */
  public static Compression of(byte[] first, int length) {
    if (length >= 2 && first[0] == 0x1f && first[1] == (byte) 0x8b) {
      return GZIP;
    }
    if (length >= 4
        && first[0] == 0x28
        && first[1] == (byte) 0xb5
        && first[2] == 0x2f
        && first[3] == (byte) 0xfd) {
      return ZSTD;
    }
    // A zstd stream may begin with a frame to be skipped: 0x184D2A5? in little endian.
    boolean skippable =
        length >= 4
            && (first[0] & 0xf0) == 0x50
            && first[1] == 0x2a
            && first[2] == 0x4d
            && first[3] == 0x18;
    return skippable ? ZSTD : NONE;
  }
}
