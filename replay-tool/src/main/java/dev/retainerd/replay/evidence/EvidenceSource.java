package dev.retainerd.replay.evidence;

import dev.retainerd.eventlog.DamagedEnvelopeException;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeCodec;
import dev.retainerd.eventlog.EnvelopeHash;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.replay.history.EventSource;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.history.Witness;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** An evidence file as a source of events. Opening it checks every hash that it carries. */
public final class EvidenceSource implements EventSource {
  private static final int SMALL_BYTES_MAX = 64 << 20;
  private static final int HEAD_BYTES = 12;

  private final Path file;
  private final ZipFile zip;
  private final Manifest manifest;
  private final List<String> faults = new ArrayList<>();

  private EvidenceSource(Path file, ZipFile zip) throws IOException {
    this.file = file;
    this.zip = zip;
    for (String name : EvidenceFile.ORDER) {
      if (zip.getEntry(name) == null) {
        throw new LookFailure(file + " is no evidence file: it has no " + name + " in it");
      }
    }
    this.manifest = Manifest.parse(file.toString(), text(EvidenceFile.MANIFEST));
    sums();
  }

  /**
   * Opens an evidence file.
   *
   * @throws LookFailure where it is none, or half of one
   */
  public static EvidenceSource open(Path file) {
    try {
      ZipFile zip = new ZipFile(file.toFile());
      try {
        return new EvidenceSource(file, zip);
      } catch (IOException | RuntimeException e) {
        zip.close();
        throw e;
      }
    } catch (IOException e) {
      throw new LookFailure(
          file
              + " is no evidence file, or only a part of one ("
              + e.getMessage()
              + "): get a whole copy",
          e);
    }
  }

  private void sums() throws IOException {
    Map<String, String> expected = new HashMap<>();
    for (String line : text(EvidenceFile.SUMS).split("\n", -1)) {
      String[] parts = line.split("  ", 2);
      if (parts.length == 2) {
        expected.put(parts[1], parts[0]);
      }
    }
    zip.stream()
        .map(ZipEntry::getName)
        .filter(name -> !EvidenceFile.ORDER.contains(name))
        .forEach(name -> faults.add(name + " does not belong into " + file));
    for (String name : EvidenceFile.ORDER) {
      if (!name.equals(EvidenceFile.SUMS) && !hash(name).equals(expected.get(name))) {
        faults.add(
            name + " in " + file + " is not as it was written: its hash is not the one noted");
      }
    }
  }

  private String hash(String name) throws IOException {
    try (InputStream in = zip.getInputStream(zip.getEntry(name))) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[1 << 16];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK has no SHA-256", e);
    }
  }

  private String text(String name) throws IOException {
    return new String(bytes(name), StandardCharsets.UTF_8);
  }

  private byte[] bytes(String name) throws IOException {
    try (InputStream in = zip.getInputStream(zip.getEntry(name))) {
      byte[] bytes = in.readNBytes(SMALL_BYTES_MAX);
      if (bytes.length == SMALL_BYTES_MAX) {
        throw new LookFailure(name + " in " + file + " is larger than any that is written");
      }
      return bytes;
    }
  }

  /** What it says of itself. */
  public Manifest manifest() {
    return manifest;
  }

  @Override
  public String name() {
    return file.toString();
  }

  @Override
  public String nodeId() {
    return manifest.node();
  }

  @Override
  public long lastSequence() {
    return manifest.last();
  }

  @Override
  public List<String> findings() {
    return manifest.dense()
        ? List.of()
        : List.of(
            "the evidence holds "
                + manifest.events()
                + " selected events of "
                + manifest.first()
                + " to "
                + manifest.last()
                + " ("
                + manifest.selection()
                + "): what lies between them is not in it");
  }

  @Override
  public boolean dense() {
    return manifest.dense();
  }

  @Override
  public List<String> faults() {
    return List.copyOf(faults);
  }

  @Override
  public Witness witness() {
    try {
      byte[] checkpoints = bytes(EvidenceFile.CHECKPOINTS);
      if (checkpoints.length == 0) {
        return Witness.NONE;
      }
      return new Witness(Optional.of(checkpoints), Optional.of(text(EvidenceFile.KEY)), proofs());
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  private Map<Long, List<byte[]>> proofs() throws IOException {
    Map<Long, List<byte[]>> proofs = new HashMap<>();
    List<byte[]> current = new ArrayList<>();
    try {
      for (String line : text(EvidenceFile.PROOFS).split("\n", -1)) {
        if (line.startsWith("checkpoint ")) {
          current = new ArrayList<>();
          proofs.put(Long.parseLong(line.split(" ", -1)[2]), current);
        } else if (!line.isEmpty()) {
          current.add(HexFormat.of().parseHex(line));
        }
      }
      return proofs;
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new LookFailure("the proofs in " + file + " cannot be read", e);
    }
  }

  private LookFailure unreadable(IOException e) {
    return new LookFailure(file + " cannot be read: " + e.getMessage(), e);
  }

  /** How large the file is. */
  public long sizeBytes() throws IOException {
    return Files.size(file);
  }

  @Override
  public Walk walk(long from, boolean verify) {
    try {
      return new Events(from, verify);
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  @Override
  public void close() {
    try {
      zip.close();
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  /** Reads the events in order. */
  private final class Events implements Walk {
    private final DataInputStream in;
    private final EnvelopeHash hasher = new EnvelopeHash();
    private final long from;
    private final boolean verify;
    private byte[] previous = HexFormat.of().parseHex(manifest.previousHash());
    private long position;
    private long last;
    private boolean ended;

    Events(long from, boolean verify) throws IOException {
      this.from = from;
      this.verify = verify;
      this.in =
          new DataInputStream(
              new BufferedInputStream(
                  zip.getInputStream(zip.getEntry(EvidenceFile.EVENTS)), 1 << 16));
    }

    @Override
    public Optional<LogEntry> next() {
      try {
        while (!ended) {
          Optional<LogEntry> entry = read();
          if (entry.isEmpty()) {
            ended = true;
            return last < manifest.last() ? Optional.of(lost("they are missing")) : entry;
          }
          if (!(entry.get() instanceof LogEntry.Good good) || good.envelope().sequence() >= from) {
            return entry;
          }
        }
        return Optional.empty();
      } catch (DamagedEnvelopeException e) {
        ended = true;
        return Optional.of(lost(e.getMessage()));
      } catch (IOException e) {
        throw unreadable(e);
      }
    }

    private LogEntry lost(String why) {
      return new LogEntry.Lost(place(), last + 1, Math.max(last + 1, manifest.last()), why);
    }

    private LogEntry.Place place() {
      return new LogEntry.Place(0, file, position);
    }

    private Optional<LogEntry> read() throws IOException {
      byte[] head = in.readNBytes(HEAD_BYTES);
      if (head.length == 0) {
        return Optional.empty();
      }
      int length = head.length < HEAD_BYTES ? -1 : ByteBuffer.wrap(head).getInt(8);
      if (length < EnvelopeCodec.HEADER_BYTES || length > EnvelopeCodec.CEILING_BYTES) {
        throw new DamagedEnvelopeException("what should be an event is none");
      }
      byte[] bytes = Arrays.copyOf(head, length);
      try {
        in.readFully(bytes, HEAD_BYTES, length - HEAD_BYTES);
      } catch (EOFException e) {
        throw new DamagedEnvelopeException("an event is cut short");
      }
      Envelope envelope = EnvelopeCodec.decode(bytes);
      LogEntry entry = judge(bytes, envelope);
      position += length;
      last = envelope.sequence();
      previous = envelope.hash();
      return Optional.of(entry);
    }

    private LogEntry judge(byte[] bytes, Envelope envelope) {
      boolean first = last == 0;
      long sequence = envelope.sequence();
      if (!first && (manifest.dense() ? sequence != last + 1 : sequence <= last)) {
        return new LogEntry.ChainBroken(
            place(), envelope, "event " + sequence + " stands behind event " + last);
      }
      if (verify && !Arrays.equals(hasher.ofBytes(bytes), envelope.hash())) {
        return new LogEntry.HashWrong(place(), envelope);
      }
      boolean next = first || sequence == last + 1;
      if (verify && next && !envelope.follows(previous)) {
        return new LogEntry.ChainBroken(
            place(),
            envelope,
            "event " + sequence + " names another predecessor than the event before it");
      }
      return new LogEntry.Good(place(), envelope);
    }

    @Override
    public Optional<LogEntry> await(Duration patience) {
      return next();
    }

    @Override
    public String tail() {
      return "";
    }

    @Override
    public void close() {
      try {
        in.close();
      } catch (IOException e) {
        throw new EventLogException(file + " cannot be closed: " + e.getMessage(), e);
      }
    }
  }
}
