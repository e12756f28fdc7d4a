package dev.retainerd.runtime.image;

import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.content.Ingest;
import dev.retainerd.runtime.content.IngestStatus;
import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.error.Refusal;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * Writes one blob of a namespace. Closing it before {@link #commit} keeps what was written for the
 * next writer of that ref. For one thread at a time.
 *
 * <p>Where the blob is on disk already, put there by another namespace, the writer begins at its
 * end: committing records it, and writing to it begins anew.
 */
public final class ContentWriter implements Closeable {

  /** A blob that is on disk already. */
  record Known(Digest digest, long size) {}

  private final ContentService content;
  private final String namespace;
  private final String ref;
  private Optional<Known> known = Optional.empty();
  private Optional<Ingest> ingest = Optional.empty();

  ContentWriter(ContentService content, String ref, String namespace, Known known) {
    this.content = content;
    this.ref = ref;
    this.namespace = namespace;
    this.known = Optional.of(known);
  }

  ContentWriter(ContentService content, String ref, String namespace, Ingest ingest) {
    this.content = content;
    this.ref = ref;
    this.namespace = namespace;
    this.ingest = Optional.of(ingest);
  }

  public String ref() {
    return ref;
  }

  /** Where the next byte goes. */
  public long offset() {
    return known.isPresent() ? known.get().size() : opened().offset();
  }

  /** The digest of the bytes so far. */
  public Digest digest() {
    return known.isPresent() ? known.get().digest() : opened().digest();
  }

  /** Whether bytes of an earlier writer were found. */
  public boolean resumed() {
    return known.isEmpty() && opened().resumed();
  }

  /** How far it is. */
  public IngestStatus status() {
    if (known.isPresent()) {
      Instant now = Instant.now();
      long size = known.get().size();
      return new IngestStatus(ref, size, size, Optional.of(known.get().digest()), now, now);
    }
    return content.status(namespace, ref);
  }

  /** Appends all of the buffer's bytes; out of range where they are more than announced. */
  public void write(ByteBuffer bytes) {
    try {
      real().write(bytes);
    } catch (IOException e) {
      throw Faults.of("ingest \"" + ref + "\" cannot be written", e);
    }
  }

  /** Begins again at 0. */
  public void truncate() {
    try {
      real().truncate();
    } catch (IOException e) {
      throw Faults.of("ingest \"" + ref + "\" cannot be written", e);
    }
  }

  /** Sets how many bytes are expected. */
  public void expect(long total) {
    if (known.isPresent()) {
      return;
    }
    try {
      opened().expect(total);
    } catch (IOException e) {
      throw Faults.of("ingest \"" + ref + "\" cannot be written", e);
    }
  }

  /**
   * Makes it a blob of the namespace, durable when this returns. Where it is one already, the
   * scope's lease holds it from now on.
   *
   * @param size what its size must be; 0 where not known
   * @throws Refusal failed precondition, where size or digest differ; already exists, where the
   *     namespace holds it
   */
  public Digest commit(
      Scope scope, long size, Optional<Digest> expected, Map<String, String> labels) {
    Digest digest = digest();
    long actual = offset();
    try (KeyLocks.Held held = content.hold(digest)) {
      if (known.isEmpty()) {
        toDisk(size, expected);
      } else if (expected.isPresent() && !expected.get().equals(digest)) {
        throw Refusal.failedPrecondition(
            "ingest \""
                + ref
                + "\" has the digest "
                + digest
                + " where "
                + expected.get()
                + " was expected");
      }
      Failpoint.CONTENT_COMMITTED_ON_DISK.hit();
      if (content.find(namespace, digest).isPresent()) {
        content.keepHeld(scope, digest);
        throw Refusal.alreadyExists("content " + digest + " exists already");
      }
      content.recordCommit(scope, digest, actual, labels);
      return digest;
    } catch (IOException e) {
      throw Faults.of("ingest \"" + ref + "\" cannot be committed", e);
    }
  }

  private void toDisk(long size, Optional<Digest> expected) throws IOException {
    try {
      opened().commit(size, expected);
    } catch (Refusal e) {
      // Another namespace was first: the blob is there, which is all that is needed.
      if (!e.is(Refusal.Code.ALREADY_EXISTS)) {
        throw e;
      }
    }
  }

  /** Ends it and gives its space back. */
  public void abort() {
    if (ingest.isPresent()) {
      try {
        ingest.get().abort();
      } catch (IOException e) {
        throw Faults.of("ingest \"" + ref + "\" cannot be removed", e);
      }
    }
  }

  @Override
  public void close() {
    if (ingest.isPresent()) {
      try {
        ingest.get().close();
      } catch (IOException e) {
        throw Faults.of("ingest \"" + ref + "\" cannot be closed", e);
      }
    }
  }

  private Ingest opened() {
    return ingest.orElseThrow();
  }

  private Ingest real() throws IOException {
    if (known.isPresent()) {
      Ingest begun = content.ingest(namespace, ref, 0, Optional.empty());
      begun.truncate();
      ingest = Optional.of(begun);
      known = Optional.empty();
    }
    return opened();
  }
}
