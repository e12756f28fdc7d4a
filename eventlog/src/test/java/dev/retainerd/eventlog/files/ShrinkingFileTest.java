package dev.retainerd.eventlog.files;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A writer gives back the space it took ahead while somebody reads: the reader must not spin. */
class ShrinkingFileTest {

  /** Says that it has a megabyte of zeros, and has none any more. */
  private static final class Shrunk implements RecordSource {
    private final long left;
    private boolean asked;

    Shrunk(long left) {
      this.left = left;
    }

    @Override
    public int read(ByteBuffer into, long position) {
      int n = (int) Math.min(into.remaining(), left - position);
      if (n <= 0) {
        return -1;
      }
      into.position(into.position() + n);
      return n;
    }

    @Override
    public long size() {
      boolean before = !asked;
      asked = true;
      return before ? 1 << 20 : left;
    }

    @Override
    public void close() {}
  }

  @Test
  @Timeout(20)
  void theScanEndsWhereTheFileEndsNow() throws IOException {
    for (long left : new long[] {0, 3, 4, 300_000, 262_144, 262_145}) {
      RecordScanner scanner = new RecordScanner(new Shrunk(left), 0, Long.MAX_VALUE);
      for (int again = 0; again < 3; again++) {
        RecordScanner.End end =
            assertInstanceOf(RecordScanner.End.class, scanner.next(true), "left " + left);
        assertTrue(end.clean(), end.why());
      }
    }
  }
}
