package dev.retainerd.shim.posix;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;

/**
 * Gives back memory that holds nothing of our own: pages of programs, libraries and class archives
 * that the start or a burst of work has brought in. Whoever needs one again finds it in the page
 * cache, or else in its file. Thread-safe.
 */
public final class ColdPages {
  /** Smaller mappings cost more than they bring. */
  private static final long WORTH_BYTES = 1 << 20;

  private static final int MADV_DONTNEED = 4;

  /** Else one touched page brings back the two megabytes around it, on file systems that can. */
  private static final int MADV_NOHUGEPAGE = 15;

  private static final long MADVISE = Native.symbol("madvise");
  private static final long MALLOC_TRIM = Native.symbol("malloc_trim");
  private static final long PAGE_BYTES = Native.call(Native.symbol("getpagesize"));

  /** So much of a line is looked at: the addresses, the mode. */
  private static final int LINE_MAX = 64;

  /** An entry of /proc/PID/pagemap, 8 bytes, little-endian: its highest byte has these bits. */
  private static final int PRESENT = 1 << 7;

  private static final int SWAPPED = 1 << 6;
  private static final int OF_A_FILE = 1 << 5;

  private final RandomAccessFile pages;
  private final byte[] entries = new byte[8 << 10];
  private long held;

  private ColdPages(RandomAccessFile pages) {
    this.pages = pages;
  }

  /**
   * Lets go of every page that is just a copy of its file, and of what the C library's allocator
   * keeps for later. Takes a millisecond or two.
   *
   * @return how much was held in files' pages, in bytes; what is needed comes back
   * @throws IOException where this kernel does not say what is mapped
   */
  public static long release() throws IOException {
    Native.call(MALLOC_TRIM, 0);
    try (InputStream maps = new FileInputStream("/proc/self/maps");
        RandomAccessFile pages = new RandomAccessFile("/proc/self/pagemap", "r")) {
      ColdPages all = new ColdPages(pages);
      all.takeAll(maps);
      return all.held;
    }
  }

  /** Without a string a line: it is read where memory is to become less. */
  private void takeAll(InputStream maps) throws IOException {
    byte[] chunk = new byte[4096];
    byte[] line = new byte[LINE_MAX];
    int length = 0;
    boolean isFile = false;
    for (int count = maps.read(chunk); count >= 0; count = maps.read(chunk)) {
      for (int i = 0; i < count; i++) {
        byte next = chunk[i];
        if (next == '\n') {
          if (isFile) {
            take(line, length);
          }
          length = 0;
          isFile = false;
        } else {
          isFile |= next == '/';
          if (length < LINE_MAX) {
            line[length++] = next;
          }
        }
      }
    }
  }

  /** A line of a file's mapping, as proc(5) describes it: 7f00-7f10 r--p 0 08:02 1735 /usr/lib. */
  private void take(byte[] line, int length) throws IOException {
    int at = 0;
    long from = 0;
    for (; at < length && hex(line[at]) >= 0; at++) {
      from = from << 4 | hex(line[at]);
    }
    long to = 0;
    for (at++; at < length && hex(line[at]) >= 0; at++) {
      to = to << 4 | hex(line[at]);
    }
    boolean isReadOnly =
        at + 4 < length && line[at + 1] == 'r' && line[at + 2] == '-' && line[at + 4] == 'p';
    if (isReadOnly && to - from >= WORTH_BYTES) {
      long present = presentIfOfTheFile(from / PAGE_BYTES, (to - from) / PAGE_BYTES);
      if (present > 0) {
        Native.call(MADVISE, from, to - from, MADV_NOHUGEPAGE);
        Native.call(MADVISE, from, to - from, MADV_DONTNEED);
        held += present * PAGE_BYTES;
      }
    }
  }

  /** How many pages are in memory; 0 where one of them is not the file's (any more). */
  private long presentIfOfTheFile(long first, long count) throws IOException {
    long present = 0;
    pages.seek(first * 8);
    for (long left = count * 8; left > 0; ) {
      int read = pages.read(entries, 0, (int) Math.min(entries.length, left));
      if (read <= 0) {
        return 0;
      }
      for (int high = 7; high < read; high += 8) {
        int bits = entries[high];
        if ((bits & SWAPPED) != 0 || (bits & PRESENT) != 0 && (bits & OF_A_FILE) == 0) {
          return 0;
        }
        present += (bits & PRESENT) != 0 ? 1 : 0;
      }
      left -= read;
    }
    return present;
  }

  private static int hex(byte character) {
    if (character >= '0' && character <= '9') {
      return character - '0';
    }
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
  }
}
