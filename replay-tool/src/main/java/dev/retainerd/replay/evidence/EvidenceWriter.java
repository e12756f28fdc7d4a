package dev.retainerd.replay.evidence;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeCodec;
import dev.retainerd.eventlog.EnvelopeHash;
import dev.retainerd.eventlog.checkpoint.Checkpoint;
import dev.retainerd.replay.history.Witness;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.LocalDateTime;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Writes an evidence file as its events come by; memory does not grow with their number. The same
 * events give the same bytes, but for the time in the manifest. Not thread-safe.
 */
public final class EvidenceWriter implements AutoCloseable {
  /** Zip's own times say nothing: all are the earliest it knows. */
  private static final LocalDateTime NO_TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

  /** What goes into the file beside the events. */
  public record About(
      String tool, String made, String node, String selection, String redaction, boolean dense) {}

  private final ZipOutputStream zip;
  private final About about;
  private final Witness witness;
  private final ProofBuilder proofs;
  private final EnvelopeHash hasher = new EnvelopeHash();
  private final StringBuilder sums = new StringBuilder();
  private DigestOutputStream entry;
  private long events;
  private long redacted;
  private long first;
  private long last;
  private byte[] previousHash = new byte[Envelope.HASH_BYTES];
  private byte[] head = new byte[Envelope.HASH_BYTES];

  /** Begins a file; {@code out} is closed with it. */
  public EvidenceWriter(OutputStream out, About about, Witness witness) throws IOException {
    this.zip = new ZipOutputStream(new BufferedOutputStream(out, 1 << 16));
    this.about = about;
    this.witness = witness;
    this.proofs =
        new ProofBuilder(witness.checkpoints().map(Checkpoint::parseAll).orElse(List.of()));
    put(EvidenceFile.README, EvidenceFile.README_TEXT);
    begin(EvidenceFile.EVENTS);
  }

  /**
   * Takes the next event of the log.
   *
   * @param wanted whether it goes into the file; the proofs need to see the others as well
   * @param redact whether without its secrets
   */
  public void take(Envelope envelope, boolean wanted, boolean redact) throws IOException {
    proofs.take(envelope, wanted);
    if (!wanted) {
      return;
    }
    Envelope written = redact ? hasher.redact(envelope) : envelope;
    entry.write(EnvelopeCodec.encode(written));
    redacted += written.secrets().redacted() ? 1 : 0;
    if (events++ == 0) {
      first = envelope.sequence();
      previousHash = envelope.previousHash();
    }
    last = envelope.sequence();
    head = envelope.hash();
  }

  /** Writes what comes behind the events; what the file says of itself. */
  public Manifest finish() throws IOException {
    end(EvidenceFile.EVENTS);
    List<ProofBuilder.Proof> all = proofs.end();
    StringBuilder notes = new StringBuilder();
    StringBuilder hashes = new StringBuilder();
    for (ProofBuilder.Proof proof : all) {
      notes.append(proof.checkpoint().text());
      hashes.append("checkpoint ").append(proof.checkpoint().firstSequence()).append(' ');
      hashes.append(proof.checkpoint().lastSequence()).append('\n');
      proof.hashes().forEach(hash -> hashes.append(HexFormat.of().formatHex(hash)).append('\n'));
    }
    put(EvidenceFile.CHECKPOINTS, notes.toString().getBytes(StandardCharsets.UTF_8));
    put(EvidenceFile.KEY, witness.key().orElse("").getBytes(StandardCharsets.UTF_8));
    put(EvidenceFile.PROOFS, hashes.toString().getBytes(StandardCharsets.UTF_8));
    Manifest manifest =
        new Manifest(
            EvidenceFile.FORMAT,
            about.tool(),
            about.made(),
            about.node(),
            about.selection(),
            about.redaction(),
            first,
            last,
            events,
            redacted,
            about.dense(),
            HexFormat.of().formatHex(previousHash),
            HexFormat.of().formatHex(head));
    put(EvidenceFile.MANIFEST, manifest.json().getBytes(StandardCharsets.UTF_8));
    begin(EvidenceFile.SUMS);
    entry.write(sums.toString().getBytes(StandardCharsets.UTF_8));
    zip.closeEntry();
    return manifest;
  }

  private void put(String name, byte[] bytes) throws IOException {
    begin(name);
    entry.write(bytes);
    end(name);
  }

  private void begin(String name) throws IOException {
    ZipEntry zipped = new ZipEntry(name);
    zipped.setTimeLocal(NO_TIME);
    zip.putNextEntry(zipped);
    try {
      entry = new DigestOutputStream(zip, MessageDigest.getInstance("SHA-256"));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK has no SHA-256", e);
    }
  }

  private void end(String name) throws IOException {
    sums.append(HexFormat.of().formatHex(entry.getMessageDigest().digest()));
    sums.append("  ").append(name).append('\n');
    zip.closeEntry();
  }

  @Override
  public void close() throws IOException {
    zip.close();
  }
}
