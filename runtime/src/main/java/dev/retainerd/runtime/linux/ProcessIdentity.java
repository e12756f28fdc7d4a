package dev.retainerd.runtime.linux;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * Which process is meant: a pid is used again, a pid with its start time within one boot is not.
 *
 * @param bootId the kernel's random id of this boot
 * @param pid seen from our own pid namespace
 * @param startTimeTicks clock ticks (1/100 s) after boot at which it was forked
 */
public record ProcessIdentity(String bootId, int pid, long startTimeTicks) {
  private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");
  private static final int START_TIME_FIELD = 22;
  private static final int STATE_FIELD = 3;

  public ProcessIdentity {
    Objects.requireNonNull(bootId, "bootId");
  }

  /** The id of the boot we live in; a reader of old records compares with it. */
  public static String currentBootId() {
    return Boot.ID;
  }

  /** Who has this pid now; empty if nobody. A zombie has an identity as well. */
  public static Optional<ProcessIdentity> of(int pid) throws IOException {
    Optional<String> stat = stat(pid);
    if (stat.isEmpty()) {
      return Optional.empty();
    }
    long start = Long.parseLong(field(stat.get(), START_TIME_FIELD));
    return Optional.of(new ProcessIdentity(Boot.ID, pid, start));
  }

  /** Whether the process that was meant still exists, be it as a zombie. */
  public static boolean isSame(ProcessIdentity identity) throws IOException {
    return of(identity.pid()).filter(identity::equals).isPresent();
  }

  /** Whether the process that was meant still runs: it exists and is no zombie. */
  public static boolean isRunning(ProcessIdentity identity) throws IOException {
    Optional<String> stat = stat(identity.pid());
    if (stat.isEmpty() || !identity.bootId().equals(Boot.ID)) {
      return false;
    }
    String state = field(stat.get(), STATE_FIELD);
    return Long.parseLong(field(stat.get(), START_TIME_FIELD)) == identity.startTimeTicks()
        && !state.equals("Z")
        && !state.equals("X");
  }

  private static Optional<String> stat(int pid) throws IOException {
    if (pid <= 0) {
      return Optional.empty();
    }
    try {
      // A process may call itself anything, so its bytes need not be UTF-8.
      return Optional.of(
          new String(
              Files.readAllBytes(Path.of("/proc/" + pid + "/stat")), StandardCharsets.ISO_8859_1));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      // Between open and read the process may go: the kernel says ESRCH, which has no own type.
      if (!Files.exists(Path.of("/proc/" + pid))) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /**
   * One field of a stat line, counted from 1 as proc(5) does; only fields after the name are found.
   * The name stands in parentheses and may itself hold spaces and parentheses, so the last closing
   * one ends it.
   */
  static String field(String stat, int number) throws IOException {
    int nameEnd = stat.lastIndexOf(')');
    String[] rest = nameEnd < 0 ? new String[0] : stat.substring(nameEnd + 1).trim().split(" +");
    int index = number - STATE_FIELD;
    if (index < 0 || index >= rest.length) {
      throw new IOException("/proc/PID/stat has no field " + number + ": " + stat.trim());
    }
    return rest[index];
  }

  /** Read once: it cannot change while we live. */
  private static final class Boot {
    static final String ID = read();

    private static String read() {
      try {
        return Files.readString(BOOT_ID).trim();
      } catch (IOException e) {
        throw new UncheckedIOException(BOOT_ID + " cannot be read; is /proc mounted?", e);
      }
    }
  }
}
