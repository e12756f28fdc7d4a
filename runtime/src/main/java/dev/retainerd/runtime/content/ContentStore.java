package dev.retainerd.runtime.content;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Blobs by digest, below one folder: {@code blobs/sha256/HEX} is there whole and verified or not at
 * all; {@code ingest/ID.data} holds what is still being written and {@code ingest/ID.about} its
 * particulars; both survive a restart.
 *
 * <p>Thread-safe. One process uses a folder at a time (the daemon's own lock sees to that). Blobs
 * are shared by all who know their digest: who may see them is for the caller to say.
 */
public final class ContentStore {
  private final Path blobs;
  private final Path ingests;

  /** Refs with a writer, and since when. */
  private final Map<String, Instant> writers = new HashMap<>();

  private ContentStore(Path root) {
    this.blobs = root.resolve("blobs").resolve("sha256");
    this.ingests = root.resolve("ingest");
  }

  /** Opens the store below {@code root}, making it where it is not there. */
  public static ContentStore open(Path root) throws IOException {
    ContentStore store = new ContentStore(root);
    Files.createDirectories(store.blobs);
    Files.createDirectories(store.ingests);
    store.sweep();
    return store;
  }

  /** Ends ingests that a kill or a power cut left without their particulars: nobody can go on. */
  private void sweep() throws IOException {
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(ingests)) {
      for (Path entry : entries) {
        Optional<Path> place = place(entry, About.SUFFIX).or(() -> place(entry, Ingest.DATA));
        if (place.isEmpty() || About.read(place.get()).isEmpty()) {
          removeAll(entry);
        }
      }
    }
  }

  /** What an entry of the folder belongs to, where its name ends so. */
  private static Optional<Path> place(Path entry, String suffix) {
    String name = entry.getFileName().toString();
    return name.endsWith(suffix)
        ? Optional.of(entry.resolveSibling(name.substring(0, name.length() - suffix.length())))
        : Optional.empty();
  }

  private static void removeAll(Path entry) throws IOException {
    if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
      try (DirectoryStream<Path> below = Files.newDirectoryStream(entry)) {
        for (Path child : below) {
          removeAll(child);
        }
      }
    }
    Files.deleteIfExists(entry);
  }

  /**
   * Begins an ingest, or goes on with one of that ref, also with one of an earlier process.
   *
   * @param ref any name; one writer at a time
   * @param total bytes expected; 0 where unknown
   * @param expected the digest expected, where known
   * @throws Refusal already exists, where the expected blob is there; unavailable, where another
   *     writer has this ref
   */
  public Ingest ingest(String ref, long total, Optional<Digest> expected) throws IOException {
    if (ref.isEmpty()) {
      throw Refusal.invalidArgument("an ingest needs a ref to be known by; give one");
    }
    if (expected.isPresent() && has(expected.get())) {
      throw Refusal.alreadyExists("content " + expected.get() + " exists already");
    }
    lock(ref);
    boolean opened = false;
    try {
      Ingest ingest = Ingest.open(this, placeOf(ref), ref, total, expected);
      opened = true;
      return ingest;
    } finally {
      if (!opened) {
        unlock(ref);
      }
    }
  }

  private void lock(String ref) {
    synchronized (writers) {
      Instant since = writers.putIfAbsent(ref, Instant.now());
      if (since != null) {
        throw Refusal.unavailable(
            "ref \""
                + ref
                + "\" is locked by a writer since "
                + since
                + "; wait for it or abort it");
      }
    }
  }

  void unlock(String ref) {
    synchronized (writers) {
      writers.remove(ref);
    }
  }

  /** Whether the blob is there. */
  public boolean has(Digest digest) {
    return Files.exists(path(digest));
  }

  /** The blob's bytes, or empty where there is none. */
  public OptionalLong size(Digest digest) throws IOException {
    try {
      return OptionalLong.of(Files.size(path(digest)));
    } catch (NoSuchFileException e) {
      return OptionalLong.empty();
    }
  }

  /** Where the blob is, or would be: for readers only. */
  public Path path(Digest digest) {
    return blobs.resolve(digest.hex());
  }

  /**
   * Opens a blob; reads at any offset; the caller closes it. A blob deleted meanwhile stays
   * readable until then.
   *
   * @throws Refusal not found
   */
  public FileChannel open(Digest digest) throws IOException {
    try {
      return FileChannel.open(path(digest), StandardOpenOption.READ);
    } catch (NoSuchFileException e) {
      throw Refusal.notFound("content " + digest + " does not exist").because(e);
    }
  }

  /** The blob from its start; the caller closes it. */
  public InputStream stream(Digest digest) throws IOException {
    return Channels.newInputStream(open(digest));
  }

  /**
   * The whole of a small blob, such as a manifest.
   *
   * @throws Refusal not found; out of range, where it is larger than {@code mostBytes}
   */
  public byte[] bytes(Digest digest, int mostBytes) throws IOException {
    try (FileChannel channel = open(digest)) {
      long size = channel.size();
      if (size > mostBytes) {
        throw Refusal.outOfRange(
            "content "
                + digest
                + " has "
                + size
                + " bytes, more than the "
                + mostBytes
                + " that can be read at once");
      }
      ByteBuffer buffer = ByteBuffer.allocate((int) size);
      while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
        // read on
      }
      return buffer.array();
    }
  }

  /**
   * Keeps some bytes as a blob, on disk when this returns; a blob that is there already is fine.
   */
  public Digest put(byte[] bytes) throws IOException {
    Digest digest = Digest.of(bytes);
    if (has(digest)) {
      return digest;
    }
    // The thread is part of the ref: two threads that put the same bytes do not wait for each
    // other.
    String ref = "put-" + Thread.currentThread().threadId() + "-" + digest;
    try (Ingest ingest = ingest(ref, bytes.length, Optional.of(digest))) {
      ingest.truncate();
      ingest.write(ByteBuffer.wrap(bytes));
      ingest.commit(bytes.length, Optional.of(digest));
    } catch (Refusal e) {
      if (!e.is(Refusal.Code.ALREADY_EXISTS)) {
        throw e;
      }
    }
    return digest;
  }

  /** Deletes a blob; false where there was none. */
  public boolean delete(Digest digest) throws IOException {
    return Files.deleteIfExists(path(digest));
  }

  /** Every blob, in no order. */
  public List<Digest> list() throws IOException {
    List<Digest> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(blobs)) {
      for (Path entry : entries) {
        String text = "sha256:" + entry.getFileName();
        if (Digest.isDigest(text)) {
          found.add(Digest.parse(text));
        }
      }
    }
    return found;
  }

  /** How far an ingest is, or empty where there is none of that ref. */
  public Optional<IngestStatus> status(String ref) throws IOException {
    return Ingest.status(placeOf(ref));
  }

  /** Every ingest whose ref starts with {@code prefix}, in no order. */
  public List<IngestStatus> statuses(String prefix) throws IOException {
    List<IngestStatus> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(ingests)) {
      for (Path entry : entries) {
        Optional<Path> place = place(entry, About.SUFFIX);
        if (place.isPresent()) {
          Ingest.status(place.get()).filter(s -> s.ref().startsWith(prefix)).ifPresent(found::add);
        }
      }
    }
    return found;
  }

  /**
   * Ends an ingest and gives its space back; false where there was none. One that has a writer is
   * ended too: that writer's next call is refused.
   */
  public boolean abort(String ref) throws IOException {
    return Ingest.remove(placeOf(ref));
  }

  Path blobsFolder() {
    return blobs;
  }

  private Path placeOf(String ref) {
    return ingests.resolve(Digest.of(ref.getBytes(StandardCharsets.UTF_8)).hex());
  }
}
