package dev.retainerd.shim.protocol;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** The frame parser against arbitrary bytes, arbitrarily cut into reads. */
class FrameFuzzTest {
  private static final int ALLOWED_BYTES = 4096;

  /** Gives bytes in parts of random sizes, as a socket may. */
  private static final class Pieces implements ReadableByteChannel {
    private final ByteBuffer bytes;
    private final Random random;

    Pieces(byte[] bytes, long seed) {
      this.bytes = ByteBuffer.wrap(bytes);
      this.random = new Random(seed);
    }

    @Override
    public int read(ByteBuffer target) {
      if (!bytes.hasRemaining()) {
        return -1;
      }
      int length = Math.min(target.remaining(), bytes.remaining());
      int part = length == 0 ? 0 : 1 + random.nextInt(length);
      target.put(bytes.slice(bytes.position(), part));
      bytes.position(bytes.position() + part);
      return part;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {
      bytes.position(bytes.limit());
    }
  }

  private static byte[] concatenated(List<Frame> frames) {
    int length = frames.stream().mapToInt(f -> Frame.HEADER_BYTES + f.data().length).sum();
    ByteBuffer all = ByteBuffer.allocate(length);
    frames.forEach(frame -> all.put(frame.encode()));
    return all.array();
  }

  private static List<Frame> frames(long seed, int count) {
    Random random = new Random(seed);
    List<Frame> frames = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      byte[] data = new byte[random.nextInt(ALLOWED_BYTES)];
      random.nextBytes(data);
      frames.add(
          new Frame(random.nextInt(), (byte) random.nextInt(4), (byte) random.nextInt(), data));
    }
    return frames;
  }

  @Property(tries = 300)
  void whatWasSentIsReadHoweverItIsCut(
      @ForAll long seed, @ForAll @IntRange(min = 0, max = 12) int count) throws IOException {
    List<Frame> sent = frames(seed, count);
    Frame.Reader reader = new Frame.Reader(new Pieces(concatenated(sent), seed));
    for (Frame wanted : sent) {
      Frame got = reader.next();
      assertEquals(wanted.stream(), got.stream());
      assertEquals(wanted.type(), got.type());
      assertEquals(wanted.flags(), got.flags());
      assertArrayEquals(wanted.data(), got.data());
    }
    assertNull(reader.next());
  }

  @Property(tries = 300)
  void aCutOffConnectionGivesWholeFramesAndThenItsEnd(@ForAll long seed) throws IOException {
    List<Frame> sent = frames(seed, 3);
    byte[] all = concatenated(sent);
    int cut = new Random(seed ^ 1).nextInt(all.length + 1);
    byte[] part = java.util.Arrays.copyOf(all, cut);
    Frame.Reader reader = new Frame.Reader(new Pieces(part, seed));
    int at = 0;
    int whole = 0;
    while (whole < sent.size() && at + Frame.HEADER_BYTES + sent.get(whole).data().length <= cut) {
      at += Frame.HEADER_BYTES + sent.get(whole).data().length;
      assertArrayEquals(sent.get(whole).data(), reader.next().data());
      whole++;
    }
    try {
      assertNull(reader.next());
      assertEquals(cut, at, "a frame that was cut off passed for the end");
    } catch (EOFException e) {
      assertTrue(cut > at);
    }
  }

  @Property(tries = 1000)
  void garbageIsAFrameOrARefusalAndNeverEndless(
      @ForAll @Size(max = 400) byte[] garbage, @ForAll long seed) {
    Frame.Reader reader = new Frame.Reader(new Pieces(garbage, seed));
    try {
      for (int frames = 0; reader.next() != null; frames++) {
        assertTrue(frames <= garbage.length / Frame.HEADER_BYTES);
      }
    } catch (IOException refused) {
      // Cut off, oversized, or no frame at all: each is said by an IOException.
      assertTrue(!refused.getMessage().isEmpty());
    }
  }
}
