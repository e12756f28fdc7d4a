package dev.retainerd.eventlog;

/** An event is refused for its size; nothing of its batch was appended. */
public final class EventTooLargeException extends EventLogException {
  private static final long serialVersionUID = 1L;

  private final int sizeBytes;
  private final int limitBytes;

  public EventTooLargeException(String subject, int type, int sizeBytes, int limitBytes) {
    super(
        "an event of type "
            + type
            + " about "
            + subject
            + " takes "
            + sizeBytes
            + " bytes, and the log takes at most "
            + limitBytes
            + "; make the request smaller or raise retain.log_block_bytes");
    this.sizeBytes = sizeBytes;
    this.limitBytes = limitBytes;
  }

  /** How large the event is, encoded. */
  public int sizeBytes() {
    return sizeBytes;
  }

  /** How large it may be. */
  public int limitBytes() {
    return limitBytes;
  }
}
