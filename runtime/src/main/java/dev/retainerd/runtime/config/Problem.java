package dev.retainerd.runtime.config;

import java.nio.file.Path;

/**
 * A place in a config file and a sentence about it.
 *
 * @param line from 1; 0 where the file as a whole is meant
 */
public record Problem(Path file, int line, String sentence) {

  /** {@code file:line: sentence}. */
  @Override
  public String toString() {
    return line > 0 ? file + ":" + line + ": " + sentence : file + ": " + sentence;
  }
}
