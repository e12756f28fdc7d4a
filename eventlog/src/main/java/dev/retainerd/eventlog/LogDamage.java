package dev.retainerd.eventlog;

/**
 * Something of the log that could not be read when it was opened.
 *
 * @param what {@code log}, {@code index}, {@code metadata}, {@code snapshot} or {@code store}
 * @param path the damaged file or folder
 * @param setAsideTo where what could not be read was put; "" where nothing was moved
 * @param firstLostSequence first event known to be lost, inclusive; 0 where none is
 * @param lastLostSequence last event known to be lost, inclusive; 0 where none is
 * @param detail one sentence
 */
public record LogDamage(
    String what,
    String path,
    String setAsideTo,
    long firstLostSequence,
    long lastLostSequence,
    String detail) {

  /** All of it in words: where, what, which events are lost, and where the rest was put. */
  public String sentence() {
    String lost =
        firstLostSequence == 0
            ? ""
            : firstLostSequence == lastLostSequence
                ? "; event " + firstLostSequence + " is lost"
                : "; events " + firstLostSequence + " to " + lastLostSequence + " are lost";
    return what
        + " at "
        + path
        + ": "
        + detail
        + lost
        + (setAsideTo.isEmpty() ? "" : "; set aside as " + setAsideTo);
  }
}
