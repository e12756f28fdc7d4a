package dev.retainerd.runtime.container;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.Signal;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** Signal numbers of Linux on x86-64 and arm64 by their names. */
public final class SignalNames {
  private static final String[] BY_NUMBER = {
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU",
    "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"
  };
  private static final String CRI_PREFIX = "SIGNAL_";
  private static final int RTMIN = 34;
  private static final int RTMAX = 64;
  private static final Map<String, Integer> NUMBERS = numbers();

  private SignalNames() {}

  private static Map<String, Integer> numbers() {
    Map<String, Integer> numbers = new HashMap<>();
    for (int i = 0; i < BY_NUMBER.length; i++) {
      numbers.put(BY_NUMBER[i], i + 1);
    }
    numbers.put("IOT", 6);
    numbers.put("POLL", 29);
    numbers.put("CLD", 17);
    for (int n = RTMIN; n <= RTMAX; n++) {
      numbers.put("RTMIN" + (n == RTMIN ? "" : "+" + (n - RTMIN)), n);
      numbers.put("RTMAX" + (n == RTMAX ? "" : "-" + (RTMAX - n)), n);
      numbers.put("RTMINPLUS" + (n - RTMIN), n);
      numbers.put("RTMAXMINUS" + (RTMAX - n), n);
    }
    return numbers;
  }

  /**
   * CRI's name of a signal as the images spell theirs, such as SIGUSR1.
   *
   * @throws Refusal INVALID_ARGUMENT for a number that CRI gives no name
   */
  static String ofCri(Signal signal) {
    if (signal == Signal.UNRECOGNIZED) {
      throw Refusal.invalidArgument(
          "stop_signal is none of CRI's signals; use one of them, or leave it out");
    }
    return signal.name().substring(CRI_PREFIX.length());
  }

  /**
   * The number of {@code TERM}, {@code SIGTERM}, {@code SIGRTMIN+3}, {@code SIGRTMINPLUS3} or
   * {@code 15}.
   *
   * @throws Refusal INVALID_ARGUMENT for anything else
   */
  public static int number(String signal) {
    String spelled = signal.strip().toUpperCase(Locale.ROOT);
    // Earlier versions recorded CRI's signals with the prefix of their names.
    String name = spelled.startsWith(CRI_PREFIX) ? spelled.substring(CRI_PREFIX.length()) : spelled;
    if (name.chars().allMatch(c -> c >= '0' && c <= '9') && !name.isEmpty() && name.length() < 4) {
      int number = Integer.parseInt(name);
      if (number >= 1 && number <= RTMAX) {
        return number;
      }
    }
    Integer number = NUMBERS.get(name.startsWith("SIG") ? name.substring(3) : name);
    if (number == null) {
      throw Refusal.invalidArgument(
          "there is no signal "
              + signal
              + "; use a name such as SIGTERM or a number from 1 to "
              + RTMAX);
    }
    return number;
  }
}
