package dev.retainerd.runtime.session;

import dev.retainerd.eventlog.proto.StdioPaths;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.NativeFile;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.stream.StreamIo;
import dev.retainerd.runtime.stream.TerminalSize;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.Exit;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.proto.TaskPhase;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Clients at the streams of a container's own first process: a copy of what it writes from now on,
 * and the way to its stdin. The log goes on beside it. Thread-safe.
 */
final class Attachments {
  private static final Logger LOG = LoggerFactory.getLogger(Attachments.class);
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final long SETTLE_MILLIS = 200;
  private static final Duration NEXT_SHIM = Duration.ofSeconds(30);
  private static final Duration DRAIN = Duration.ofSeconds(15);

  private final TaskService tasks;
  private final Path folder;
  private final Supplier<String> newId;

  Attachments(TaskService tasks, Path folder, Supplier<String> newId) {
    this.tasks = tasks;
    this.folder = folder;
    this.newId = newId;
  }

  /**
   * Serves one client until the process or the client is gone.
   *
   * @param stdinOnce the end of this client's input is the end of the container's
   */
  void attach(String containerId, boolean stdinOnce, StreamIo io) {
    TaskEntry task = running(containerId);
    CompletableFuture<Exit> exit = tasks.exitOf(NAMESPACE, containerId, "");
    CompletableFuture<Object> over = CompletableFuture.anyOf(exit, io.gone());
    try {
      boolean terminal = task.getStdio().getTerminal();
      // What the client says reaches the process when the answer would reach the client.
      copy(containerId, terminal, io, over, () -> listen(containerId, task, stdinOnce, io, over));
      long lastSeen = System.nanoTime();
      while (!over.isDone()) {
        try {
          copy(containerId, terminal, io, over, () -> {});
          lastSeen = System.nanoTime();
        } catch (Refusal e) {
          // Its shim is gone and the next one not there yet.
          boolean patient = System.nanoTime() - lastSeen < NEXT_SHIM.toNanos();
          if (!e.is(Refusal.Code.UNAVAILABLE) || !patient) {
            throw e;
          }
          settle(over);
        }
      }
      rethrow(exit);
    } finally {
      exit.cancel(false);
    }
  }

  private void listen(
      String containerId,
      TaskEntry task,
      boolean stdinOnce,
      StreamIo io,
      CompletableFuture<Object> over) {
    String stdin = task.getStdio().getStdin();
    if (io.stdin().isPresent() && !stdin.isEmpty()) {
      feed(containerId, Path.of(stdin), stdinOnce, io, over);
    }
    if (task.getStdio().getTerminal()) {
      io.resizes().listen(size -> resize(containerId, size));
    }
  }

  private void resize(String containerId, TerminalSize size) {
    try {
      tasks.resizePty(NAMESPACE, containerId, "", size.width(), size.height());
    } catch (Refusal e) {
      LOG.debug("the terminal of {} is gone: {}", containerId, e.sentence());
    }
  }

  private static void rethrow(CompletableFuture<Exit> exit) {
    try {
      if (exit.isDone()) {
        exit.get();
      }
    } catch (ExecutionException e) {
      throw Refusal.internal("the wait for a container's end ended badly", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private TaskEntry running(String containerId) {
    return tasks
        .find(NAMESPACE, containerId)
        .filter(t -> t.getPhase() == TaskPhase.TASK_PHASE_RUNNING)
        .orElseThrow(
            () ->
                Refusal.failedPrecondition(
                    "container " + containerId + " does not run; there is nothing to attach to"));
  }

  /** Copies until the process, the client or the shim is gone; after a shim's death again. */
  private void copy(
      String containerId,
      boolean terminal,
      StreamIo io,
      CompletableFuture<Object> over,
      Runnable connected) {
    try (ProcessPipes pipes = ProcessPipes.make(folder.resolve(newId.get()), false, terminal)) {
      StdioPaths paths = pipes.paths();
      try {
        tasks.attach(NAMESPACE, containerId, paths.getStdout(), paths.getStderr());
      } catch (Refusal e) {
        if (over.isDone() || tasks.find(NAMESPACE, containerId).isEmpty()) {
          over.complete(null);
          return;
        }
        throw e;
      }
      pipes.connected();
      Copies copies = new Copies();
      OutputStream nowhere = OutputStream.nullOutputStream();
      copies.output("attached stdout", pipes.stdout(), io.stdout().orElse(nowhere));
      copies.output("attached stderr", pipes.stderr(), io.stderr().orElse(nowhere));
      io.gone().thenRun(pipes::close);
      connected.run();
      while (!copies.await(DRAIN)) {
        if (over.isDone()) {
          LOG.warn("the output of {} goes on after its end", containerId);
          return;
        }
      }
    }
    settle(over);
  }

  /** Output ends a moment before its process is known to have ended. */
  private static void settle(CompletableFuture<Object> over) {
    try {
      over.get(SETTLE_MILLIS, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      LOG.debug("an attached stream broke off and is asked for again");
    } catch (ExecutionException e) {
      LOG.debug("an attached process ended badly: {}", e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the attachment was given up");
    }
  }

  private void feed(
      String containerId, Path fifo, boolean once, StreamIo io, CompletableFuture<Object> over) {
    // Held at both ends: while one shim follows another, what is typed waits for the next.
    NativeFile keeper;
    FileChannel channel;
    try {
      keeper = ProcessPipes.keep(fifo);
      channel = FileChannel.open(fifo, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw Refusal.failedPrecondition("stdin of container " + containerId + " is closed")
          .because(e);
    }
    Runnable close =
        () -> {
          closeQuietly(channel);
          keeper.close();
        };
    // A process that does not read must not hold the copy for ever.
    over.whenComplete((done, failure) -> close.run());
    Copies.input(
        "attached stdin",
        io.stdin().orElseThrow(),
        Channels.newOutputStream(channel),
        () -> {
          close.run();
          if (once) {
            closeStdin(containerId);
          }
        });
  }

  private void closeStdin(String containerId) {
    try {
      tasks.closeStdin(NAMESPACE, containerId, "");
    } catch (Refusal e) {
      LOG.debug("stdin of {} was closed already: {}", containerId, e.sentence());
    }
  }

  private static void closeQuietly(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      LOG.debug("a stdin could not be closed: {}", e.getMessage());
    }
  }
}
