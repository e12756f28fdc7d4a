package dev.retainerd.eventlog.chronicle;

import dev.retainerd.eventlog.Appended;
import dev.retainerd.eventlog.Durability;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.EnvelopeHash;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.EventTooLargeException;
import dev.retainerd.eventlog.LogClock;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.LogReader;
import dev.retainerd.eventlog.LogStatus;
import dev.retainerd.eventlog.Secrets;
import dev.retainerd.eventlog.checkpoint.CheckpointKeeper;
import dev.retainerd.eventlog.files.DiskCheck;
import dev.retainerd.eventlog.files.Generation;
import dev.retainerd.eventlog.files.LogFolder;
import dev.retainerd.eventlog.files.LogOpening;
import dev.retainerd.eventlog.files.Mark;
import dev.retainerd.eventlog.files.WriterLock;
import java.io.IOException;
import java.nio.file.Files;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import net.openhft.posix.PosixAPI;

/**
 * The log, written with Chronicle Queue. Each opening begins a generation of its own; a generation
 * that has grown large is followed by another.
 */
public final class ChronicleEventLog implements EventLog {
  /** Every how many events a place is marked from which a scan may begin. */
  private static final int MARK_INTERVAL = 16_384;

  private static final byte[] NO_SALT = new byte[0];

  private final LogOptions options;
  private final LogFolder folder;
  private final WriterLock lock;
  private final LogOpening opening;
  private final EnvelopeHash hasher = new EnvelopeHash();
  private final SecureRandom random = new SecureRandom();
  private final Published published;

  private final Optional<CheckpointKeeper> checkpoints;
  private final RetainedGenerations retained;

  private GenerationWriter writer;
  private byte[] headHash;
  private long markedSequence;
  private volatile long lastSequence;
  private volatile EventLogException broken;
  private boolean closed;
  private long begunNanos;
  private volatile boolean rollWanted;

  private ChronicleEventLog(
      LogOptions options, LogFolder folder, WriterLock lock, LogOpening opening)
      throws IOException {
    this.options = options;
    this.folder = folder;
    this.lock = lock;
    this.opening = opening;
    Generation newest = opening.generations().getLast();
    this.headHash = newest.start().previousHash();
    this.lastSequence = newest.firstSequence() - 1;
    this.markedSequence = lastSequence;
    this.published = new Published(opening.generations(), lastSequence);
    this.writer = new GenerationWriter(newest, options.maxEventBytes(), options.reserveBytes());
    this.checkpoints =
        options
            .checkpoints()
            .map(
                how ->
                    CheckpointKeeper.start(
                        this, how.keyFolder(), how.copyFolder(), how.interval(), options.clock()));
    this.retained =
        new RetainedGenerations(
            published,
            folder,
            () -> checkpoints.map(CheckpointKeeper::coveredSequence).orElse(Long.MAX_VALUE),
            () -> writer.end());
    this.begunNanos = options.clock().monotonicNanos();
  }

  /**
   * Loads what a log needs of native code, which takes some time and else happens in {@link #open}.
   * Harmless when it is loaded already; may run beside anything.
   */
  public static void loadLibraries() {
    PosixAPI.posix();
  }

  /**
   * Opens a log for writing, whatever state it is in.
   *
   * @throws EventLogException where another process writes it, it belongs to another node or was
   *     written by a newer version, or its disk cannot hold a log
   */
  public static ChronicleEventLog open(LogOptions options) {
    LogFolder folder = new LogFolder(options.directory());
    WriterLock lock = null;
    try {
      LogOpening.refuseAbsent(folder, options);
      Files.createDirectories(folder.path());
      lock = WriterLock.take(folder.lockFile());
      DiskCheck.check(folder.path(), options.durability());
      LogOpening opening = LogOpening.open(folder, options);
      return new ChronicleEventLog(options, folder, lock, opening);
    } catch (IOException e) {
      letGo(lock);
      throw new EventLogException(
          "the event log in "
              + folder.path()
              + " cannot be opened for writing: "
              + e
              + "; see that its disk is not mounted read-only and has space, and that the folder"
              + " belongs to this user",
          e);
    } catch (RuntimeException e) {
      letGo(lock);
      throw e;
    }
  }

  private static void letGo(WriterLock lock) {
    try {
      if (lock != null) {
        lock.close();
      }
    } catch (IOException e) {
      throw new EventLogException("the log's lock cannot be let go: " + e, e);
    }
  }

  @Override
  public Stamp stamp() {
    LogClock clock = options.clock();
    return new Stamp(options.bootId(), clock.wallNanos(), clock.monotonicNanos());
  }

  @Override
  public Appended append(List<EnvelopeDraft> drafts, Stamp stamp) {
    if (drafts.isEmpty()) {
      throw new IllegalArgumentException("an append needs at least one event");
    }
    checkUsable();
    List<EnvelopeHash.Sealed> batch = seal(drafts, stamp);
    List<Envelope> envelopes = new ArrayList<>(batch.size());
    try {
      rollIfDue();
      long sequence = lastSequence;
      for (EnvelopeHash.Sealed sealed : batch) {
        writer.append(++sequence, sealed.bytes());
        envelopes.add(sealed.envelope());
      }
      headHash = envelopes.getLast().hash();
      lastSequence = sequence;
      return new Appended(envelopes);
    } catch (IOException | RuntimeException | InternalError e) {
      throw broken("an append to the event log failed: " + e, e);
    }
  }

  /** Gives every draft its place, so that a refusal comes before the first byte is written. */
  private List<EnvelopeHash.Sealed> seal(List<EnvelopeDraft> drafts, Stamp stamp) {
    List<EnvelopeHash.Sealed> batch = new ArrayList<>(drafts.size());
    byte[] previous = headHash;
    long sequence = lastSequence;
    for (EnvelopeDraft draft : drafts) {
      EnvelopeHash.Sealed sealed =
          hasher.sealEncoded(
              draft,
              ++sequence,
              published.durable(),
              stamp.bootId(),
              stamp.wallNanos(),
              stamp.monotonicNanos(),
              previous,
              salt(draft));
      if (sealed.bytes().length > options.maxEventBytes()) {
        throw new EventTooLargeException(
            draft.subject(), draft.type(), sealed.bytes().length, options.maxEventBytes());
      }
      previous = sealed.envelope().hash();
      batch.add(sealed);
    }
    return batch;
  }

  private byte[] salt(EnvelopeDraft draft) {
    if (draft.secrets().isEmpty()) {
      return NO_SALT;
    }
    byte[] salt = new byte[Secrets.SALT_BYTES];
    random.nextBytes(salt);
    return salt;
  }

  @Override
  public void force() {
    checkUsable();
    if (published.durable() == lastSequence) {
      return;
    }
    try {
      if (options.durability() == Durability.POWER_LOSS) {
        writer.force();
      }
      writer.acknowledge(lastSequence);
      published.advance(lastSequence);
      if (lastSequence - markedSequence >= MARK_INTERVAL) {
        mark();
      }
    } catch (IOException e) {
      // After a failed sync the kernel may have dropped what was to be written.
      throw broken("a sync of the event log failed: " + e, e);
    }
  }

  private void mark() throws IOException {
    int number = published.generations().getLast().number();
    new Mark(number, lastSequence, headHash, writer.end()).write(folder.markFile());
    markedSequence = lastSequence;
  }

  private void rollIfDue() throws IOException {
    if (writer.end() > options.generationBytes()) {
      roll("it has grown to " + writer.end() + " bytes");
      return;
    }
    boolean empty = lastSequence < published.generations().getLast().firstSequence();
    long age = options.clock().monotonicNanos() - begunNanos;
    if (!empty && age >= options.rollAfter().toNanos()) {
      roll("it was " + Duration.ofNanos(age).toMinutes() + " minutes old");
    } else if (!empty && rollWanted) {
      roll("it was asked to end");
    }
  }

  /** Lets the next append begin a new generation, where the newest has an event. Any thread. */
  public void rollSoon() {
    rollWanted = true;
  }

  /** Who writes the checkpoints; empty where none are written. */
  public Optional<CheckpointKeeper> checkpoints() {
    return checkpoints;
  }

  /** The generations, for who keeps house among the old ones. */
  public RetainedGenerations retained() {
    return retained;
  }

  /** Ends the current generation and begins the next. */
  private void roll(String why) throws IOException {
    force();
    Generation ended = end(why);
    Generation fresh =
        folder.begin(
            ended.number() + 1,
            new Generation.Start(
                opening.nodeId(),
                lastSequence + 1,
                headHash,
                options.clock().wallNanos(),
                options.bootId()));
    writer = new GenerationWriter(fresh, options.maxEventBytes(), options.reserveBytes());
    published.rolled(ended, fresh);
    begunNanos = options.clock().monotonicNanos();
    rollWanted = false;
    mark();
  }

  private Generation end(String reason) throws IOException {
    long position = writer.end();
    writer.close();
    LogFolder.cut(published.generations().getLast(), position);
    return folder.end(
        published.generations().getLast(),
        new Generation.Seal(lastSequence, headHash, position, true, reason));
  }

  private void checkUsable() {
    if (broken != null) {
      throw new EventLogException(broken.getMessage(), broken);
    }
    if (closed) {
      throw new EventLogException("the event log is closed");
    }
  }

  private EventLogException broken(String message, Throwable cause) {
    broken =
        cause instanceof EventLogException known
            ? known
            : new EventLogException(
                message + "; free or mend its disk, then restart the daemon", cause);
    published.close();
    return broken;
  }

  @Override
  public long firstSequence() {
    long first = published.generations().getFirst().firstSequence();
    return first <= lastSequence ? first : 0;
  }

  @Override
  public long lastSequence() {
    return lastSequence;
  }

  @Override
  public long durableSequence() {
    return published.durable();
  }

  @Override
  public byte[] headHash() {
    return headHash.clone();
  }

  @Override
  public LogReader reader(long fromSequence) {
    return new LiveReader(published, folder.path(), fromSequence);
  }

  @Override
  public LogStatus status() {
    return new LogStatus(
        folder.path(),
        opening.nodeId(),
        options.durability(),
        published.generations().getLast().number(),
        firstSequence(),
        lastSequence,
        published.durable(),
        opening.previousStopWasClean(),
        writer.reservedBytes(),
        writer.low(),
        opening.damages());
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    try {
      if (broken == null) {
        force();
        checkpoints.ifPresent(CheckpointKeeper::close);
        mark();
        end("the daemon stopped");
      } else {
        writer.close();
      }
    } catch (IOException e) {
      throw new EventLogException("the event log cannot be closed cleanly: " + e, e);
    } finally {
      closed = true;
      published.close();
      letGo(lock);
    }
  }
}
