package dev.retainerd.eventlog;

import java.util.Optional;

/** What an acknowledged event survives. */
public enum Durability {
  /** Each commit is forced to the disk: survives the loss of power. */
  POWER_LOSS("power-loss"),
  /** Commits reach the kernel only: survives the death of any process, not of the machine. */
  PROCESS_CRASH("process-crash");

  private final String word;

  Durability(String word) {
    this.word = word;
  }

  /** The word in the configuration and in Status. */
  public String word() {
    return word;
  }

  /** The durability of that word, or empty. */
  public static Optional<Durability> ofWord(String word) {
    for (Durability one : values()) {
      if (one.word.equals(word)) {
        return Optional.of(one);
      }
    }
    return Optional.empty();
  }
}
