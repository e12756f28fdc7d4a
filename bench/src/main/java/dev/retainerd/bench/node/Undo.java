package dev.retainerd.bench.node;

import java.util.ArrayList;
import java.util.List;

/**
 * What a run has to undo, the last first: when it ends, fails or is interrupted, whichever is
 * first. Safe for use by many threads.
 */
public final class Undo implements AutoCloseable {
  private final List<AutoCloseable> open = new ArrayList<>();
  private boolean closed;

  /** Also when the process is asked to end. */
  public Undo() {
    Runtime.getRuntime().addShutdownHook(new Thread(this::close, "clean-up"));
  }

  /** Remembers {@code thing}; returns it. */
  public <T extends AutoCloseable> T later(T thing) {
    synchronized (open) {
      if (!closed) {
        open.add(thing);
        return thing;
      }
    }
    closeOne(thing);
    throw new IllegalStateException("the run is being ended");
  }

  /** Undoes {@code thing} now, where that has not happened yet. */
  public void now(AutoCloseable thing) {
    synchronized (open) {
      if (open.removeIf(one -> one == thing)) {
        closeOne(thing);
      }
    }
  }

  @Override
  public void close() {
    synchronized (open) {
      closed = true;
      open.reversed().forEach(Undo::closeOne);
      open.clear();
    }
  }

  private static void closeOne(AutoCloseable thing) {
    try {
      thing.close();
    } catch (Exception e) {
      System.err.println("retain-bench: clean-up: " + e.getMessage());
    }
  }
}
