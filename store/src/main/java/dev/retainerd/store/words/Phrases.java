package dev.retainerd.store.words;

import dev.retainerd.eventlog.proto.ExitSource;
import dev.retainerd.eventlog.proto.ProcessIdentity;
import java.util.Locale;
import java.util.Map;

/** Small pieces of the sentences: ids, signals, exits, durations, sizes. Pure functions. */
public final class Phrases {
  private static final int SHORT_ID_LENGTH = 13;
  private static final Map<Integer, String> SIGNALS =
      Map.ofEntries(
          Map.entry(1, "SIGHUP"),
          Map.entry(2, "SIGINT"),
          Map.entry(3, "SIGQUIT"),
          Map.entry(4, "SIGILL"),
          Map.entry(5, "SIGTRAP"),
          Map.entry(6, "SIGABRT"),
          Map.entry(7, "SIGBUS"),
          Map.entry(8, "SIGFPE"),
          Map.entry(9, "SIGKILL"),
          Map.entry(10, "SIGUSR1"),
          Map.entry(11, "SIGSEGV"),
          Map.entry(12, "SIGUSR2"),
          Map.entry(13, "SIGPIPE"),
          Map.entry(14, "SIGALRM"),
          Map.entry(15, "SIGTERM"),
          Map.entry(16, "SIGSTKFLT"),
          Map.entry(17, "SIGCHLD"),
          Map.entry(18, "SIGCONT"),
          Map.entry(19, "SIGSTOP"),
          Map.entry(20, "SIGTSTP"),
          Map.entry(21, "SIGTTIN"),
          Map.entry(22, "SIGTTOU"),
          Map.entry(23, "SIGURG"),
          Map.entry(24, "SIGXCPU"),
          Map.entry(25, "SIGXFSZ"),
          Map.entry(26, "SIGVTALRM"),
          Map.entry(27, "SIGPROF"),
          Map.entry(28, "SIGWINCH"),
          Map.entry(29, "SIGIO"),
          Map.entry(30, "SIGPWR"),
          Map.entry(31, "SIGSYS"));

  private Phrases() {}

  /** Long generated ids are cut as crictl cuts them; ids that people gave stay whole. */
  public static String shortId(String id) {
    boolean generated = id.length() == 64 && id.chars().allMatch(c -> Character.digit(c, 16) >= 0);
    return generated ? id.substring(0, SHORT_ID_LENGTH) : id;
  }

  /** {@code SIGTERM}; {@code signal 34} where the number has no name. */
  public static String signal(int number) {
    return SIGNALS.getOrDefault(number, "signal " + number);
  }

  /**
   * The number of a signal given as 9, KILL or SIGKILL.
   *
   * @throws IllegalArgumentException where there is none of that name; the message says so
   */
  public static int signalNumber(String text) {
    String wanted = text.trim().toUpperCase(Locale.ROOT);
    if (!wanted.isEmpty() && wanted.chars().allMatch(Character::isDigit) && wanted.length() < 4) {
      int number = Integer.parseInt(wanted);
      if (number >= 1 && number <= 64) {
        return number;
      }
    }
    String named = wanted.startsWith("SIG") ? wanted : "SIG" + wanted;
    for (Map.Entry<Integer, String> entry : SIGNALS.entrySet()) {
      if (entry.getValue().equals(named)) {
        return entry.getKey();
      }
    }
    throw new IllegalArgumentException(
        "there is no signal \"" + text + "\": give a number from 1 to 64, or a name such as TERM");
  }

  /** How a process ended: {@code exited with code 7}, {@code was killed by SIGKILL (code 137)}. */
  public static String ended(int status, ExitSource source, String reason) {
    StringBuilder words = new StringBuilder();
    if (source == ExitSource.EXIT_SOURCE_UNKNOWN) {
      words.append("ended in a way that nobody saw (reported as code ").append(status).append(')');
    } else if (status > 128 && status <= 128 + 64) {
      words.append("was ended by ").append(signal(status - 128));
      words.append(" (code ").append(status).append(')');
    } else {
      words.append("exited with code ").append(status);
    }
    switch (source) {
      case EXIT_SOURCE_RECORD -> words.append(", read from the shim's exit record");
      case EXIT_SOURCE_PIN -> words.append(", read from its pinned pidfd");
      case EXIT_SOURCE_SHIM, EXIT_SOURCE_UNKNOWN, EXIT_SOURCE_UNSPECIFIED, UNRECOGNIZED -> {}
    }
    return words.append(because(reason)).toString();
  }

  /** {@code : reason}, or nothing where there is none. */
  static String because(String reason) {
    return reason.isEmpty() ? "" : ": " + reason;
  }

  static String process(ProcessIdentity process) {
    return process.getPid() == 0 ? "" : " as pid " + process.getPid();
  }

  /**
   * A length of time in words: {@code 850 ms}, {@code 12.3 s}, {@code 4 min 5 s}, {@code 2 d 3 h}.
   */
  public static String duration(long nanos) {
    if (nanos < 0) {
      return "-" + duration(-nanos);
    }
    if (nanos < 1_000_000) {
      return nanos / 1_000 + " µs";
    }
    long millis = nanos / 1_000_000;
    if (millis < 1_000) {
      return millis + " ms";
    }
    if (millis < 60_000) {
      return String.format(Locale.ROOT, "%.1f s", millis / 1_000.0);
    }
    long seconds = millis / 1_000;
    if (seconds < 3_600) {
      return seconds / 60 + " min " + seconds % 60 + " s";
    }
    if (seconds < 86_400) {
      return seconds / 3_600 + " h " + seconds % 3_600 / 60 + " min";
    }
    return seconds / 86_400 + " d " + seconds % 86_400 / 3_600 + " h";
  }

  /** A size as ctr prints it: {@code 4.1 MiB}. */
  public static String bytes(long count) {
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = count;
    int unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit++;
    }
    return String.format(Locale.ROOT, "%.1f %s", value, units[unit]);
  }
}
