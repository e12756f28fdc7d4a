package dev.retainerd.runtime.archive;

import com.github.luben.zstd.ZstdIOException;
import dev.retainerd.runtime.digest.Sha256;
import dev.retainerd.runtime.error.Refusal;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.zip.ZipException;

/**
 * A layer's uncompressed bytes with their sha256, which is the layer's diff id. Reads ahead into a
 * buffer; every byte is hashed, also those that are skipped. For one thread.
 */
final class LayerStream extends InputStream {
  private static final int BUFFER_BYTES = 128 * 1024;

  private final InputStream source;
  private final long mostBytes;
  private final MessageDigest digest;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private int position;
  private int limit;
  private long total;

  LayerStream(InputStream compressed, long mostBytes) throws IOException {
    this.mostBytes = mostBytes;
    this.digest = Sha256.begin();
    try {
      this.source = Compression.decompress(compressed);
    } catch (ZipException | EOFException e) {
      throw broken(e);
    }
  }

  private boolean fill() throws IOException {
    int read;
    try {
      read = source.read(buffer, 0, BUFFER_BYTES);
    } catch (ZipException | EOFException | ZstdIOException e) {
      throw broken(e);
    }
    if (read < 0) {
      return false;
    }
    digest.update(buffer, 0, read);
    position = 0;
    limit = read;
    total += read;
    if (total > mostBytes) {
      throw Refusal.resourceExhausted(
          "the layer unpacks to more than " + mostBytes + " bytes, which is the bound");
    }
    return true;
  }

  private static Refusal broken(IOException e) {
    return Refusal.invalidArgument(
            "the layer's compressed stream is broken or truncated: " + e.getMessage())
        .because(e);
  }

  @Override
  public int read() throws IOException {
    while (position == limit) {
      if (!fill()) {
        return -1;
      }
    }
    return buffer[position++] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    while (position == limit) {
      if (!fill()) {
        return -1;
      }
    }
    int part = Math.min(length, limit - position);
    System.arraycopy(buffer, position, into, offset, part);
    position += part;
    return part;
  }

  @Override
  public long skip(long bytes) throws IOException {
    long skipped = 0;
    while (skipped < bytes) {
      if (position == limit && !fill()) {
        return skipped;
      }
      int part = (int) Math.min(bytes - skipped, limit - position);
      position += part;
      skipped += part;
    }
    return skipped;
  }

  /** Reads to the end: what stands behind the archive counts for the digest too. */
  void drain() throws IOException {
    while (fill()) {
      position = limit;
    }
  }

  long total() {
    return total;
  }

  /** {@code sha256:HEX} of all bytes; once, after {@link #drain}. */
  String digest() {
    return "sha256:" + HexFormat.of().formatHex(digest.digest());
  }

  @Override
  public void close() throws IOException {
    source.close();
  }
}
