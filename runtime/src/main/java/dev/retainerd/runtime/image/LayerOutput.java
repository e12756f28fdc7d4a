package dev.retainerd.runtime.image;

import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import dev.retainerd.runtime.archive.Compression;
import dev.retainerd.runtime.digest.Sha256;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.zip.GZIPOutputStream;

/**
 * A layer on its way into content: plain bytes come in, are hashed for the diff id, and are
 * compressed. Closing it ends the compression and leaves the writer open. For one thread.
 */
final class LayerOutput extends OutputStream {
  private static final int BUFFER_BYTES = 128 * 1024;

  private final OutputStream compressed;
  private final MessageDigest plain;

  LayerOutput(ContentWriter writer, Compression compression) throws IOException {
    this.plain = Sha256.begin();
    OutputStream blob = new java.io.BufferedOutputStream(new IntoContent(writer), BUFFER_BYTES);
    this.compressed =
        switch (compression) {
          case NONE -> blob;
          case GZIP -> new GZIPOutputStream(blob, BUFFER_BYTES);
          case ZSTD -> new ZstdOutputStreamNoFinalizer(blob);
        };
  }

  @Override
  public void write(int one) throws IOException {
    write(new byte[] {(byte) one}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    plain.update(bytes, offset, length);
    compressed.write(bytes, offset, length);
  }

  @Override
  public void close() throws IOException {
    compressed.close();
  }

  /** {@code sha256:HEX} of the plain bytes; once, after {@link #close}. */
  String diffId() {
    return "sha256:" + HexFormat.of().formatHex(plain.digest());
  }

  private static final class IntoContent extends OutputStream {
    private final ContentWriter writer;

    IntoContent(ContentWriter writer) {
      this.writer = writer;
    }

    @Override
    public void write(int one) {
      write(new byte[] {(byte) one}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
      writer.write(ByteBuffer.wrap(bytes, offset, length));
    }
  }
}
