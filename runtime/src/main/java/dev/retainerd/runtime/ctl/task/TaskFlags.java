package dev.retainerd.runtime.ctl.task;

import picocli.CommandLine.Option;

/** How a task is run, as {@code run} and {@code tasks start} are told alike. */
final class TaskFlags {
  @Option(names = "--null-io", description = "send all IO to /dev/null")
  boolean nullIo;

  @Option(names = "--log-uri", defaultValue = "", description = "log uri")
  String logUri;

  @Option(
      names = {"-d", "--detach"},
      description = "detach from the task after it has started execution")
  boolean detach;

  @Option(
      names = "--fifo-dir",
      defaultValue = "",
      description = "directory used for storing IO FIFOs")
  String fifoDir;

  @Option(
      names = "--pid-file",
      defaultValue = "",
      description = "file path to write the task's pid")
  String pidFile;

  /** With a terminal or without, and deleted at its end. */
  TaskRun.Flags with(boolean tty) {
    return new TaskRun.Flags(tty, detach, nullIo, logUri, fifoDir, pidFile, true);
  }
}
