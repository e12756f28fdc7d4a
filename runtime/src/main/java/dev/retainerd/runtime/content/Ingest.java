package dev.retainerd.runtime.content;

import dev.retainerd.runtime.digest.Sha256;
import dev.retainerd.runtime.error.Refusal;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/**
 * The one writer of a blob to be. Closing it before {@link #commit} keeps what was written, so that
 * the next {@link ContentStore#ingest} of the same ref goes on behind it.
 *
 * <p>For one thread at a time. The digest is computed while the bytes pass; what an earlier writer
 * left is hashed again first, because nothing says that it reached the disk whole.
 */
public final class Ingest implements Closeable {
  /** Ends the names of the files with bytes. */
  static final String DATA = ".data";

  private static final int REHASH_BYTES = 1 << 20;
  private static final Set<PosixFilePermission> READ_ONLY =
      PosixFilePermissions.fromString("r--r--r--");

  private final ContentStore store;
  private final Path place;
  private final String ref;
  private final FileChannel data;
  private final boolean resumed;
  private final MessageDigest running;
  private long offset;
  private long total;
  private boolean closed;

  private Ingest(ContentStore store, Path place, String ref, FileChannel data, long total)
      throws IOException {
    this.store = store;
    this.place = place;
    this.ref = ref;
    this.data = data;
    this.total = total;
    this.running = total > 0 ? Sha256.forBytes(total) : Sha256.begin();
    this.resumed = data.size() > 0;
    rehash(data.size());
  }

  static Ingest open(
      ContentStore store, Path place, String ref, long total, Optional<Digest> expected)
      throws IOException {
    Optional<About> before = About.read(place);
    if (before.isEmpty()) {
      // The data of one whose particulars are not there is nobody's.
      Files.deleteIfExists(data(place));
      new About(ref, total, expected, Instant.now()).writeFirst(place);
    } else {
      About about = before.get().with(total, expected);
      if (!about.equals(before.get())) {
        about.write(place);
      }
    }
    long known = total > 0 ? total : before.map(About::total).orElse(0L);
    FileChannel data =
        FileChannel.open(
            data(place),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    try {
      return new Ingest(store, place, ref, data, known);
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
    return status(place)
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
    Optional<About> about = About.read(place);
    if (about.isPresent()) {
      about.get().withTotal(bytes).write(place);
    }
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
      remove(place);
      throw Refusal.alreadyExists("content " + actual + " exists already");
    }
    Path file = data(place);
    try {
      Files.setPosixFilePermissions(file, READ_ONLY);
      data.force(true);
      Files.move(file, store.path(actual), StandardCopyOption.ATOMIC_MOVE);
    } catch (NoSuchFileException e) {
      throw Refusal.notFound("ingest \"" + ref + "\" was aborted; begin it again").because(e);
    }
    sync(store.blobsFolder());
    close();
    remove(place);
    return actual;
  }

  /** Ends the ingest and gives its space back. */
  public void abort() throws IOException {
    close();
    remove(place);
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

  static Path data(Path place) {
    return place.resolveSibling(place.getFileName() + DATA);
  }

  static Optional<IngestStatus> status(Path place) throws IOException {
    Optional<About> found = About.read(place);
    if (found.isEmpty()) {
      return Optional.empty();
    }
    About about = found.get();
    long offset = 0;
    Instant updated = about.started();
    try {
      BasicFileAttributes attributes = Files.readAttributes(data(place), BasicFileAttributes.class);
      offset = attributes.size();
      updated = attributes.lastModifiedTime().toInstant();
    } catch (NoSuchFileException e) {
      // Nothing was written yet.
    }
    return Optional.of(
        new IngestStatus(
            about.ref(), offset, about.total(), about.expected(), about.started(), updated));
  }

  /** Removes what there is of an ingest; false where there was none. */
  static boolean remove(Path place) throws IOException {
    boolean there = About.remove(place);
    Files.deleteIfExists(data(place));
    return there;
  }

  private static void sync(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
