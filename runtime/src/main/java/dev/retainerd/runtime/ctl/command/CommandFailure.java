package dev.retainerd.runtime.ctl.command;

/** A verb could not do what it was asked for. The message is one sentence for the operator. */
public final class CommandFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The exit status of a request that was understood and failed. */
  public static final int FAILED = 1;

  /** The exit status of a request that was not understood. */
  public static final int USAGE = 2;

  private final int exitCode;

  private CommandFailure(String sentence, int exitCode, Throwable cause) {
    super(sentence, cause, false, false);
    this.exitCode = exitCode;
  }

  public static CommandFailure of(String sentence) {
    return new CommandFailure(sentence, FAILED, null);
  }

  public static CommandFailure of(String sentence, Throwable cause) {
    return new CommandFailure(sentence, FAILED, cause);
  }

  public static CommandFailure usage(String sentence) {
    return new CommandFailure(sentence, USAGE, null);
  }

  public int exitCode() {
    return exitCode;
  }
}
