package dev.retainerd.store.snapshot;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import dev.retainerd.store.state.Kind;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Optional;

/**
 * A snapshot's bytes: a header, the entries, their number, and the SHA-256 of all that; the whole
 * of it one zstd stream. Written and read as a stream, an entry at a time.
 */
final class SnapshotFile {
  private static final int MAGIC = 0x52545353; // "RTSS"
  private static final int FORMAT = 1;
  private static final int HASH_BYTES = 32;
  private static final int ENTRY_BOUND = 64 << 20;
  private static final int BUFFER_BYTES = 256 << 10;
  private static final int LEVEL = 3;

  private SnapshotFile() {}

  /** What stands at the beginning. */
  record Header(String nodeId, long sequence, byte[] headHash, String schema) {}

  /** Writes one. Durable on return, its name is not. */
  static StateSnapshot write(Path file, Header header, StateEntries entries) throws IOException {
    MessageDigest digest = sha256();
    long[] count = {0};
    try (FileOutputStream disk = new FileOutputStream(file.toFile())) {
      OutputStream packed =
          new ZstdOutputStreamNoFinalizer(new Unclosed(disk), LEVEL).setChecksum(true);
      DataOutputStream out =
          new DataOutputStream(
              new DigestOutputStream(new BufferedOutputStream(packed, BUFFER_BYTES), digest));
      writeHeader(out, header);
      try {
        entries.forEach(
            (kind, path, value) -> {
              try {
                out.writeUTF(kind.title());
                writeBytes(out, path.getBytes(StandardCharsets.UTF_8));
                writeBytes(out, value);
                count[0]++;
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
      } catch (UncheckedIOException e) {
        throw e.getCause();
      }
      out.writeUTF("");
      out.writeLong(count[0]);
      byte[] hash = digest.digest();
      out.write(hash);
      out.close();
      disk.getFD().sync();
      return new StateSnapshot(
          file,
          header.nodeId,
          header.sequence,
          header.headHash,
          header.schema,
          count[0],
          hash,
          Files.size(file));
    }
  }

  private static void writeHeader(DataOutputStream out, Header header) throws IOException {
    out.writeInt(MAGIC);
    out.writeShort(FORMAT);
    out.writeUTF(header.nodeId);
    out.writeLong(header.sequence);
    out.write(header.headHash);
    out.writeUTF(header.schema);
  }

  private static void writeBytes(DataOutputStream out, byte[] bytes) throws IOException {
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  /** The packed stream's end must be written, but the file be forced before it is closed. */
  private static final class Unclosed extends java.io.FilterOutputStream {
    Unclosed(OutputStream out) {
      super(out);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      out.write(bytes, from, length);
    }

    @Override
    public void close() throws IOException {
      flush();
    }
  }

  /**
   * Reads one to its end.
   *
   * @param visitor gets the entries, before it is known whether the file is sound
   * @throws SnapshotDamagedException where it is not what was written
   */
  static StateSnapshot read(Path file, StateEntries.Visitor visitor)
      throws IOException, SnapshotDamagedException {
    MessageDigest digest = sha256();
    try (FileInputStream disk = new FileInputStream(file.toFile())) {
      DataInputStream in =
          new DataInputStream(
              new DigestInputStream(
                  new BufferedInputStream(new ZstdInputStreamNoFinalizer(disk), BUFFER_BYTES),
                  digest));
      Header header = readHeader(file, in);
      long count = 0;
      for (String title = in.readUTF(); !title.isEmpty(); title = in.readUTF()) {
        String path = new String(readBytes(file, in), StandardCharsets.UTF_8);
        byte[] value = readBytes(file, in);
        // A kind that is no longer known has no place in the state any more.
        kind(title).ifPresent(kind -> visitor.visit(kind, path, value));
        count++;
      }
      boolean all = in.readLong() == count;
      byte[] hash = digest.digest();
      if (!all || !Arrays.equals(in.readNBytes(HASH_BYTES), hash)) {
        throw damaged(file, "its hash is not that of its content", null);
      }
      return new StateSnapshot(
          file,
          header.nodeId,
          header.sequence,
          header.headHash,
          header.schema,
          count,
          hash,
          Files.size(file));
    } catch (java.nio.file.NoSuchFileException | java.io.FileNotFoundException e) {
      throw damaged(file, "it cannot be opened", e);
    } catch (IOException | IllegalArgumentException e) {
      throw damaged(file, e.toString(), e);
    }
  }

  private static Header readHeader(Path file, DataInputStream in)
      throws IOException, SnapshotDamagedException {
    if (in.readInt() != MAGIC) {
      throw damaged(file, "it does not begin as a snapshot does", null);
    }
    int format = in.readUnsignedShort();
    if (format != FORMAT) {
      throw damaged(file, "it has format " + format + ", which this version does not read", null);
    }
    String nodeId = in.readUTF();
    long sequence = in.readLong();
    byte[] headHash = in.readNBytes(HASH_BYTES);
    return new Header(nodeId, sequence, headHash, in.readUTF());
  }

  private static byte[] readBytes(Path file, DataInputStream in)
      throws IOException, SnapshotDamagedException {
    int length = in.readInt();
    if (length < 0 || length > ENTRY_BOUND) {
      throw damaged(file, "an entry of " + length + " bytes", null);
    }
    byte[] bytes = in.readNBytes(length);
    if (bytes.length < length) {
      throw damaged(file, "it ends too early", null);
    }
    return bytes;
  }

  private static Optional<Kind<?>> kind(String title) {
    return Kind.ALL.stream().filter(kind -> kind.title().equals(title)).findFirst();
  }

  private static SnapshotDamagedException damaged(Path file, String why, Exception cause) {
    return new SnapshotDamagedException(
        "the state snapshot " + file + " cannot be used: " + why, cause);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK has no SHA-256", e);
    }
  }
}
