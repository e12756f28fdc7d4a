package dev.retainerd.runtime.content;

import dev.retainerd.runtime.digest.Sha256;
import dev.retainerd.runtime.error.Refusal;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Optional;

/**
 * The one writer of a blob to be. Closing it before {@link #commit} keeps what was written, so that
 * the next {@link ContentStore#ingest} of the same ref goes on behind it.
 *
 * <p>For one thread at a time. The digest is computed while the bytes pass; what an earlier writer
 * left is hashed again first, because nothing says that it reached the disk whole.
 */
public final class Ingest implements Closeable {
  private static final int REHASH_BYTES = 1 << 20;

  private final ContentStore store;
  private final Path folder;
  private final String ref;
  private final FileChannel data;
  private final boolean resumed;
  private final MessageDigest running;
  private long offset;
  private long total;
  private boolean closed;

  private Ingest(ContentStore store, Path folder, String ref, FileChannel data, long total)
      throws IOException {
    this.store = store;
    this.folder = folder;
    this.ref = ref;
    this.data = data;
    this.total = total;
    this.running = total > 0 ? Sha256.forBytes(total) : Sha256.begin();
    this.resumed = data.size() > 0;
    rehash(data.size());
  }

  static Ingest open(
      ContentStore store, Path folder, String ref, long total, Optional<Digest> expected)
      throws IOException {
    Files.createDirectories(folder);
    if (status(folder).isEmpty()) {
      // The ref is written last: a folder without one is nobody's and is begun anew.
      remove(folder);
      Files.createDirectories(folder);
      Files.writeString(folder.resolve("started"), Instant.now().toString());
      replace(folder.resolve("ref"), ref);
    }
    if (total > 0) {
      replace(folder.resolve("total"), Long.toString(total));
    }
    if (expected.isPresent()) {
      replace(folder.resolve("expected"), expected.get().toString());
    }
    long known = total > 0 ? total : number(folder.resolve("total"));
    FileChannel data =
        FileChannel.open(
            folder.resolve("data"),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    try {
      return new Ingest(store, folder, ref, data, known);
    } catch (IOException | RuntimeException e) {
      data.close();
      throw e;
    }
  }

  public String ref() {
    return ref;
  }

  /** Bytes written so far: where {@link #write} goes on. */
  public long offset() {
    return offset;
  }

  /** Whether it began with bytes of an earlier writer. */
  public boolean resumed() {
    return resumed;
  }

  /** The digest of the bytes written so far. */
  public Digest digest() {
    try {
      return Digest.finish((MessageDigest) running.clone());
    } catch (CloneNotSupportedException e) {
      throw new IllegalStateException("SHA-256 can be cloned", e);
    }
  }

  public IngestStatus status() throws IOException {
    return status(folder)
        .orElseThrow(() -> Refusal.notFound("ingest \"" + ref + "\" was aborted; begin it again"));
  }

  /** Appends all of the buffer's bytes. */
  public void write(ByteBuffer bytes) throws IOException {
    open();
    if (total > 0 && offset + bytes.remaining() > total) {
      throw Refusal.outOfRange(
          "ingest \"" + ref + "\" was announced with " + total + " bytes and got more");
    }
    running.update(bytes.duplicate());
    while (bytes.hasRemaining()) {
      offset += data.write(bytes, offset);
    }
  }

  /** Throws away what was written: the ingest begins again at 0. */
  public void truncate() throws IOException {
    open();
    data.truncate(0);
    running.reset();
    offset = 0;
  }

  /** Sets how many bytes are expected; 0 for unknown. */
  public void expect(long bytes) throws IOException {
    open();
    total = bytes;
    replace(folder.resolve("total"), Long.toString(bytes));
  }

  /**
   * Makes the ingest a blob: on disk, with its name, when this returns. The ingest is closed then.
   *
   * @param size what its size must be; 0 where the caller does not know
   * @param expected what its digest must be; empty where the caller does not know
   * @throws Refusal failed precondition, where size or digest differ, the ingest being kept;
   *     already exists, where the blob is there, the ingest being removed
   */
  public Digest commit(long size, Optional<Digest> expected) throws IOException {
    open();
    if (size > 0 && size != offset) {
      throw Refusal.failedPrecondition(
          "ingest \"" + ref + "\" has " + offset + " bytes where " + size + " were expected");
    }
    Digest actual = digest();
    if (expected.isPresent() && !expected.get().equals(actual)) {
      throw Refusal.failedPrecondition(
          "ingest \""
              + ref
              + "\" has the digest "
              + actual
              + " where "
              + expected.get()
              + " was expected");
    }
    if (store.has(actual)) {
      close();
      remove(folder);
      throw Refusal.alreadyExists("content " + actual + " exists already");
    }
    Path file = folder.resolve("data");
    if (!Files.exists(file)) {
      throw Refusal.notFound("ingest \"" + ref + "\" was aborted; begin it again");
    }
    data.force(true);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--r--r--"));
    Files.move(file, store.path(actual), StandardCopyOption.ATOMIC_MOVE);
    sync(store.blobsFolder());
    close();
    remove(folder);
    return actual;
  }

  /** Ends the ingest and gives its space back. */
  public void abort() throws IOException {
    close();
    remove(folder);
  }

  /** Keeps what was written for the next writer of this ref. Closing twice is harmless. */
  @Override
  public void close() throws IOException {
    if (!closed) {
      closed = true;
      store.unlock(ref);
      data.close();
    }
  }

  private void open() {
    if (closed) {
      throw Refusal.failedPrecondition("ingest \"" + ref + "\" is closed; begin it again");
    }
  }

  private void rehash(long size) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(size, REHASH_BYTES));
    while (offset < size) {
      buffer.clear();
      int read = data.read(buffer, offset);
      if (read < 0) {
        throw new IOException("the file of ingest \"" + ref + "\" shrinks while it is read");
      }
      running.update(buffer.flip());
      offset += read;
    }
  }

  static Optional<IngestStatus> status(Path folder) throws IOException {
    try {
      String ref = Files.readString(folder.resolve("ref"));
      Instant started = Instant.parse(Files.readString(folder.resolve("started")));
      Path data = folder.resolve("data");
      long offset = 0;
      Instant updated = started;
      if (Files.exists(data)) {
        BasicFileAttributes attributes = Files.readAttributes(data, BasicFileAttributes.class);
        offset = attributes.size();
        updated = attributes.lastModifiedTime().toInstant();
      }
      return Optional.of(
          new IngestStatus(
              ref,
              offset,
              number(folder.resolve("total")),
              text(folder.resolve("expected")).map(Digest::parse),
              started,
              updated));
    } catch (NoSuchFileException | DateTimeParseException | NumberFormatException | Refusal e) {
      // Half made, or half written by a power cut.
      return Optional.empty();
    }
  }

  /** Removes an ingest's folder; false where there was none. */
  static boolean remove(Path folder) throws IOException {
    boolean there = Files.deleteIfExists(folder.resolve("ref"));
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    } catch (NoSuchFileException e) {
      return there;
    }
    Files.deleteIfExists(folder);
    return there;
  }

  private static Optional<String> text(Path file) throws IOException {
    try {
      return Optional.of(Files.readString(file));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  private static long number(Path file) throws IOException {
    return text(file).map(Long::parseLong).orElse(0L);
  }

  /** A reader sees the old text or the new one, never a part. */
  private static void replace(Path file, String text) throws IOException {
    Path next = file.resolveSibling(file.getFileName() + ".next");
    Files.write(next, text.getBytes(StandardCharsets.UTF_8));
    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private static void sync(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
