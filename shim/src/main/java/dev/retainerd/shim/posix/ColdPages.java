package dev.retainerd.shim.posix;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * Gives back memory that holds nothing of our own: pages of programs, libraries and class archives
 * that the start or a burst of work has brought in. Whoever needs one again finds it in the page
 * cache, or else in its file. Thread-safe.
 */
public final class ColdPages {
  /** Below that the call costs more than it brings. */
  private static final long WORTH_KIB = 128;

  private static final int MADV_DONTNEED = 4;

  /** Else one touched page brings back the two megabytes around it, on file systems that can. */
  private static final int MADV_NOHUGEPAGE = 15;

  private static final long MADVISE = Native.symbol("madvise");
  private static final long MALLOC_TRIM = Native.symbol("malloc_trim");

  /** Longer lines lose their end, which is a file's name. */
  private static final int LINE_MAX = 256;

  private long held;
  private long from;
  private long to;
  private boolean isReadOnlyFile;
  private long residentKib;
  private long anonymousKib;
  private long lockedKib;

  private ColdPages() {}

  /**
   * Lets go of every page that is just a copy of its file, and of what the C library's allocator
   * keeps for later. Takes some milliseconds.
   *
   * @return how much was held in files' pages, in KiB; what is needed comes back
   * @throws IOException where this kernel does not say what is mapped
   */
  public static long release() throws IOException {
    Native.call(MALLOC_TRIM, 0);
    ColdPages pages = new ColdPages();
    try (InputStream maps = new FileInputStream("/proc/self/smaps")) {
      pages.takeAll(maps);
    }
    return pages.held;
  }

  /** Without a string a line: it is read where memory is to become less. */
  private void takeAll(InputStream maps) throws IOException {
    byte[] chunk = new byte[4096];
    byte[] line = new byte[LINE_MAX];
    int length = 0;
    for (int count = maps.read(chunk); count >= 0; count = maps.read(chunk)) {
      for (int i = 0; i < count; i++) {
        if (chunk[i] == '\n') {
          take(line, length);
          length = 0;
        } else if (length < LINE_MAX) {
          line[length++] = chunk[i];
        }
      }
    }
    judge();
  }

  /** A line as proc(5) describes it. */
  private void take(byte[] line, int length) {
    if (length > 4 && hex(line[0]) >= 0) {
      judge();
      begin(line, length);
    } else if (isReadOnlyFile) {
      if (begins(line, length, "Rss:")) {
        residentKib = number(line, length);
      } else if (begins(line, length, "Anonymous:")) {
        anonymousKib = number(line, length);
      } else if (begins(line, length, "Locked:")) {
        lockedKib = number(line, length);
      }
    }
  }

  private void begin(byte[] line, int length) {
    int at = 0;
    from = 0;
    for (; at < length && hex(line[at]) >= 0; at++) {
      from = from << 4 | hex(line[at]);
    }
    to = 0;
    for (at++; at < length && hex(line[at]) >= 0; at++) {
      to = to << 4 | hex(line[at]);
    }
    boolean isFile = false;
    for (int i = at; i < length; i++) {
      isFile |= line[i] == '/';
    }
    isReadOnlyFile =
        isFile
            && at + 4 < length
            && line[at + 1] == 'r'
            && line[at + 2] == '-'
            && line[at + 4] == 'p';
    residentKib = 0;
    lockedKib = 0;
    // Where the kernel does not say how many pages are not the file's any more, none is let go.
    anonymousKib = Long.MAX_VALUE;
  }

  private void judge() {
    if (isReadOnlyFile && anonymousKib == 0 && lockedKib == 0 && residentKib >= WORTH_KIB) {
      Native.call(MADVISE, from, to - from, MADV_NOHUGEPAGE);
      Native.call(MADVISE, from, to - from, MADV_DONTNEED);
      held += residentKib;
    }
    isReadOnlyFile = false;
  }

  private static boolean begins(byte[] line, int length, String name) {
    if (length < name.length()) {
      return false;
    }
    for (int i = 0; i < name.length(); i++) {
      if (line[i] != name.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private static long number(byte[] line, int length) {
    long number = 0;
    for (int i = 0; i < length; i++) {
      if (line[i] >= '0' && line[i] <= '9') {
        number = number * 10 + line[i] - '0';
      }
    }
    return number;
  }

  /** Its value, or -1: lower case only, which no name of a field begins with. */
  private static int hex(byte character) {
    if (character >= '0' && character <= '9') {
      return character - '0';
    }
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
  }
}
