package dev.retainerd.eventlog.files;

import dev.retainerd.eventlog.DamagedEnvelopeException;
import dev.retainerd.eventlog.EncodedEnvelope;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeCodec;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Reads the records of one file in order, and finds its way again behind bytes that are none.
 *
 * <p>The file is Chronicle's: each record is a little-endian word and its content, starting at a
 * multiple of four. The word holds the content's length in its low 30 bits; bit 30 marks
 * Chronicle's own records (header, index), which are passed over, bit 31 one that is not finished.
 * A word of zero is the end. Not thread-safe.
 */
public final class RecordScanner {
  private static final int UNFINISHED = 0x80000000;
  private static final int FOREIGN = 0x40000000;
  private static final int LENGTH_MASK = 0x3fffffff;
  private static final int WORD_BYTES = 4;
  private static final int WINDOW_BYTES = 256 << 10;

  /** Many a scan is of a record or two; whoever reads on gets a larger window. */
  private static final int FIRST_WINDOW_BYTES = 4 << 10;

  private static final int WINDOW_GROWTH = 4;
  private static final byte[] ZEROS = new byte[WINDOW_BYTES];
  private static final VarHandle LITTLE_ENDIAN =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  /** What stands at the scanner's position. */
  public sealed interface Found {

    /** The first byte of what was found. */
    long position();
  }

  /**
   * An envelope that reads well: its CRC holds. Chain and hash were not looked at.
   *
   * @param position of the record's word
   * @param end where the next record starts
   * @param encoded the envelope
   * @param padded whether only zeros fill it up to the next record, as they are written
   */
  public record Sound(long position, long end, EncodedEnvelope encoded, boolean padded)
      implements Found {

    /** The encoded envelope. */
    public byte[] bytes() {
      return encoded.bytes();
    }

    /** The same, decoded. */
    public Envelope envelope() {
      return encoded.envelope();
    }
  }

  /**
   * Bytes that cannot be read, with sound records behind them.
   *
   * @param position of the first such byte
   * @param end where the next sound record starts
   * @param why one sentence
   */
  public record Hole(long position, long end, String why) implements Found {}

  /**
   * Nothing more can be read.
   *
   * @param position where the next record would start
   * @param clean whether only zeros were found there
   * @param why what was found there; "" where it is clean
   */
  public record End(long position, boolean clean, String why) implements Found {}

  private final RecordSource source;
  private final long limit;
  private byte[] window = new byte[FIRST_WINDOW_BYTES];
  private long windowAt;
  private int windowLength;
  private long end;
  private long position;

  /**
   * A scanner over part of a source.
   *
   * @param from where a record starts; 0 for the beginning
   * @param limit first byte that is not looked at
   */
  public RecordScanner(RecordSource source, long from, long limit) {
    this.source = source;
    this.limit = limit;
    this.position = from;
  }

  /** Where the next record starts. */
  public long position() {
    return position;
  }

  /**
   * What comes next. At the {@link End} the position stays, so that a later call sees what has been
   * appended meanwhile.
   *
   * @param search whether to look for sound records behind something unreadable, which reads the
   *     rest of the file; without it, such a place is an {@link End}
   */
  public Found next(boolean search) throws IOException {
    boolean looked = false;
    while (true) {
      int word = word(position);
      int length = word & LENGTH_MASK;
      String wrong;
      if (word == 0) {
        wrong = "";
      } else if ((word & UNFINISHED) != 0) {
        wrong = "a record that was not finished";
      } else if (length > EnvelopeCodec.CEILING_BYTES || position + WORD_BYTES + length > end) {
        wrong = "a record of " + length + " bytes, more than there are";
      } else if ((word & FOREIGN) != 0) {
        position = behind(position, length);
        continue;
      } else {
        byte[] bytes = bytes(position + WORD_BYTES, length);
        try {
          EncodedEnvelope envelope = EncodedEnvelope.check(bytes);
          long at = position;
          position = behind(at, length);
          return new Sound(at, position, envelope, zeros(at + WORD_BYTES + length, position));
        } catch (DamagedEnvelopeException e) {
          wrong = "a record that is no event: " + e.getMessage();
        }
      }
      if (!looked) {
        // The window may be older than what has been appended since.
        looked = true;
        lookAgain();
        continue;
      }
      if (!search) {
        return new End(position, wrong.isEmpty(), wrong);
      }
      long sound = find(position);
      if (sound == position) {
        looked = false;
        lookAgain();
        continue;
      }
      if (sound < 0) {
        boolean clean = wrong.isEmpty() && zeroFrom(position);
        return new End(position, clean, clean || !wrong.isEmpty() ? wrong : "bytes behind the end");
      }
      long from = position;
      position = sound;
      return new Hole(from, sound, wrong.isEmpty() ? "zeros where a record should be" : wrong);
    }
  }

  /** Is told of events of which few bytes are looked at. */
  @FunctionalInterface
  public interface Times {

    /** The next event is this one, of that wall time in nanoseconds since the epoch. */
    void see(long sequence, long wallNanos);
  }

  /**
   * Passes over sound records, a good deal faster than {@link #next}, as long as their sequences
   * follow on each other. What is behind them, if only the end, is left to {@link #next}.
   *
   * @param expected the sequence of the next event
   * @param last where to stop
   * @return the sequence of the event behind those that were told
   */
  long skim(long expected, long last, Times told) throws IOException {
    long sequence = expected;
    while (sequence <= last) {
      int word = word(position);
      int length = word & LENGTH_MASK;
      long content = position + WORD_BYTES;
      if (word == 0
          || (word & UNFINISHED) != 0
          || length > WINDOW_BYTES
          || content + length > end) {
        break;
      }
      if ((word & FOREIGN) == 0) {
        if (content < windowAt || content + length > windowAt + windowLength) {
          fill(content, length);
        }
        int at = (int) (content - windowAt);
        if (windowLength < length
            || !EnvelopeCodec.framedAt(window, at, length)
            || EnvelopeCodec.sequenceAt(window, at) != sequence) {
          break;
        }
        told.see(sequence, EnvelopeCodec.wallNanosAt(window, at));
        sequence++;
      }
      position = behind(position, length);
    }
    return sequence;
  }

  private void lookAgain() throws IOException {
    end = Math.min(limit, source.size());
    windowLength = 0;
  }

  /** Where the first sound record at or behind {@code from} starts, or -1. */
  private long find(long from) throws IOException {
    for (long at = from; at + WORD_BYTES + EnvelopeCodec.HEADER_BYTES <= end; at += WORD_BYTES) {
      at = nextNonZero(at + WORD_BYTES) - WORD_BYTES;
      if (Integer.reverseBytes(word(at + WORD_BYTES)) == EnvelopeCodec.MAGIC && soundAt(at)) {
        return at;
      }
    }
    return -1;
  }

  private boolean soundAt(long at) throws IOException {
    int length = Integer.reverseBytes(word(at + WORD_BYTES + 8));
    if (length != word(at)
        || length < EnvelopeCodec.HEADER_BYTES
        || length > EnvelopeCodec.CEILING_BYTES
        || at + WORD_BYTES + length > end) {
      return false;
    }
    try {
      EncodedEnvelope.check(bytes(at + WORD_BYTES, length));
      return true;
    } catch (DamagedEnvelopeException e) {
      return false;
    }
  }

  /** The first word at or behind {@code at} that is not zero, or the last one there is. */
  private long nextNonZero(long at) throws IOException {
    long here = at;
    while (here + WORD_BYTES < end && word(here) == 0) {
      int from = (int) (here - windowAt);
      int mismatch = Arrays.mismatch(window, from, windowLength, ZEROS, 0, windowLength - from);
      here =
          mismatch < 0 ? windowAt + (windowLength & -WORD_BYTES) : here + (mismatch & -WORD_BYTES);
    }
    return Math.min(here, Math.max(at, (end - 1) & -WORD_BYTES));
  }

  private boolean zeroFrom(long from) throws IOException {
    long last = nextNonZero(from);
    return last + WORD_BYTES >= end && (last + WORD_BYTES > end || word(last) == 0);
  }

  /** Whether these few bytes are zero, or behind the end. */
  private boolean zeros(long from, long to) throws IOException {
    for (long at = from; at < Math.min(to, end); at++) {
      if (at < windowAt || at >= windowAt + windowLength) {
        fill(at);
      }
      if (at < windowAt + windowLength && window[(int) (at - windowAt)] != 0) {
        return false;
      }
    }
    return true;
  }

  private static long behind(long at, int length) {
    return (at + WORD_BYTES + length + WORD_BYTES - 1) & -WORD_BYTES;
  }

  /** The word at {@code at}; zero where the file ends before it does. */
  private int word(long at) throws IOException {
    if (at < windowAt || at + WORD_BYTES > windowAt + windowLength) {
      if (at + WORD_BYTES > end) {
        return 0;
      }
      fill(at);
      if (windowLength < WORD_BYTES) {
        return 0;
      }
    }
    return (int) LITTLE_ENDIAN.get(window, (int) (at - windowAt));
  }

  private byte[] bytes(long at, int length) throws IOException {
    if (at < windowAt || at + length > windowAt + windowLength) {
      if (length > WINDOW_BYTES) {
        byte[] large = new byte[length];
        read(ByteBuffer.wrap(large), at);
        return large;
      }
      fill(at, length);
    }
    int from = (int) (at - windowAt);
    return Arrays.copyOfRange(window, from, from + length);
  }

  private void fill(long at) throws IOException {
    fill(at, WORD_BYTES);
  }

  private void fill(long at, int needed) throws IOException {
    int room = window.length;
    if (windowLength == room || needed > room) {
      room = Math.min(WINDOW_BYTES, Math.max(WINDOW_GROWTH * room, needed));
    }
    if (room > window.length) {
      window = new byte[room];
    }
    int wanted = (int) Math.min(room, Math.max(0, end - at));
    windowAt = at;
    windowLength = read(ByteBuffer.wrap(window, 0, wanted), at);
    if (windowLength < wanted) {
      // A writer that ended has cut off the space that it had taken ahead.
      end = at + windowLength;
    }
  }

  private int read(ByteBuffer into, long at) throws IOException {
    int from = into.position();
    while (into.hasRemaining()) {
      int n = source.read(into, at + into.position() - from);
      if (n < 0) {
        break;
      }
    }
    return into.position() - from;
  }
}
