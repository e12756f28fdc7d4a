package dev.retainerd.runtime.cgroup;

import java.util.List;
import java.util.Optional;

/**
 * What a cgroup uses and has used, both versions in the same terms. Zero where the kernel does not
 * count it; times in nanoseconds.
 */
public record CgroupUsage(
    Cpu cpu,
    Memory memory,
    List<HugePages> hugePages,
    List<DeviceIo> io,
    Optional<Pressure> ioPressure,
    long pids,
    long mostPids) {

  public CgroupUsage {
    hugePages = List.copyOf(hugePages);
    io = List.copyOf(io);
  }

  /** Processor time, and how often a quota held it back. */
  public record Cpu(
      long totalNanos,
      long userNanos,
      long systemNanos,
      long periods,
      long throttledPeriods,
      long throttledNanos,
      Optional<Pressure> pressure) {}

  /**
   * Memory, in bytes.
   *
   * @param limit {@link #UNLIMITED} or more for none
   * @param swapLimit of swap alone; {@link #UNLIMITED} or more for none
   * @param failures how often the limit was met; version 1 only
   */
  public record Memory(
      long usage,
      long mostUsage,
      long limit,
      long rss,
      long cache,
      long kernel,
      long mappedFile,
      long activeFile,
      long inactiveFile,
      long pageFaults,
      long majorPageFaults,
      long failures,
      long oomKills,
      long swap,
      long swapLimit,
      Optional<Pressure> pressure) {

    /** From here on a limit is none: version 1 rounds the largest number down to a page. */
    public static final long UNLIMITED = 1L << 62;

    /** What cannot be taken back at once: usage without the file pages that nobody used lately. */
    public long workingSet() {
      return Math.max(0, usage - inactiveFile);
    }

    /** What is left up to the limit; 0 where there is none. */
    public long available() {
      return limit >= UNLIMITED ? 0 : Math.max(0, limit - workingSet());
    }

    /** What is left of swap; 0 where there is no limit. */
    public long swapAvailable() {
      return swapLimit >= UNLIMITED ? 0 : Math.max(0, swapLimit - swap);
    }
  }

  /**
   * Huge pages of one size.
   *
   * @param size as the kernel names it, such as 2MB
   * @param usage in bytes
   * @param mostUsage in bytes; version 1 only
   */
  public record HugePages(String size, long usage, long mostUsage) {}

  /** Reads and writes of one block device. */
  public record DeviceIo(
      long major, long minor, long readBytes, long writtenBytes, long reads, long writes) {}

  /** Pressure stall information: time in which some, or all, of the cgroup's tasks waited. */
  public record Pressure(Stall some, Stall full) {}

  /** Shares of the last 10, 60 and 300 s in percent, and the time in all. */
  public record Stall(double avg10, double avg60, double avg300, long totalNanos) {
    static final Stall NONE = new Stall(0, 0, 0, 0);
  }
}
