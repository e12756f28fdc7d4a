package dev.retainerd.runtime.ctl.task;

import dev.retainerd.runtime.ctl.command.CommandFailure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import sun.misc.Signal;

/**
 * The terminal on stdin, in raw mode while this is open. It works through {@code stty}, which every
 * system has: termios would need native code of our own. Not thread-safe.
 */
final class Terminal implements AutoCloseable {
  private static final long STTY_SECONDS = 5;

  private final String before;
  private final Thread restore;

  /** Columns and rows. */
  record Size(int width, int height) {}

  private Terminal(String before) {
    this.before = before;
    this.restore = new Thread(this::restore, "terminal-restore");
  }

  /**
   * Puts the terminal into raw mode.
   *
   * @throws CommandFailure where stdin is no terminal
   */
  static Terminal raw() {
    String before =
        stty("-g")
            .orElseThrow(
                () ->
                    CommandFailure.of(
                        "stdin is no terminal: leave -t out, or run it from a terminal"));
    Terminal terminal = new Terminal(before);
    // Whatever ends us, the operator's shell gets its terminal back.
    Runtime.getRuntime().addShutdownHook(terminal.restore);
    stty("raw", "-echo");
    return terminal;
  }

  /** How large it is; empty where it does not say. */
  Optional<Size> size() {
    return stty("size")
        .map(text -> text.split(" ", -1))
        .filter(parts -> parts.length == 2)
        .map(parts -> new Size(Integer.parseInt(parts[1]), Integer.parseInt(parts[0])))
        .filter(size -> size.width() > 0 && size.height() > 0);
  }

  /** Tells {@code listener} the size now and whenever it changes. */
  void onResize(Consumer<Size> listener) {
    size().ifPresent(listener);
    Signal.handle(new Signal("WINCH"), signal -> size().ifPresent(listener));
  }

  private void restore() {
    stty(before);
  }

  @Override
  public void close() {
    restore();
    try {
      Runtime.getRuntime().removeShutdownHook(restore);
    } catch (IllegalStateException endsAnyway) {
      // The hook runs, or has run.
    }
  }

  private static Optional<String> stty(String... arguments) {
    String[] command = new String[arguments.length + 1];
    command[0] = "stty";
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectInput(ProcessBuilder.Redirect.INHERIT)
              .redirectErrorStream(true)
              .start();
      String text =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
      boolean ended = process.waitFor(STTY_SECONDS, TimeUnit.SECONDS);
      return ended && process.exitValue() == 0 ? Optional.of(text) : Optional.empty();
    } catch (IOException e) {
      throw CommandFailure.of("stty cannot be run, which -t needs: install coreutils", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }
}
