package dev.retainerd.runtime.session;

import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.eventlog.proto.StdioPaths;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.oci.SpecBuilder;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.task.ExecService;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.store.proto.Exit;
import dev.retainerd.store.proto.TaskPhase;
import dev.retainerd.store.state.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs commands in containers with their streams at the daemon. A command whose daemon dies is
 * ended by the next one: nobody is left who would read what it says. Thread-safe.
 */
public final class CommandRuns {
  private static final Logger LOG = LoggerFactory.getLogger(CommandRuns.class);
  private static final String NAMESPACE = SandboxService.NAMESPACE;
  private static final int SIGHUP = 1;
  private static final int SIGKILL = 9;
  private static final Duration AFTER_KILL = Duration.ofSeconds(10);

  /** A moment later, so as not to take the processor from the answer that is on its way. */
  private static final Executor AFTER_ANSWER =
      CompletableFuture.delayedExecutor(2, TimeUnit.MILLISECONDS, Thread::startVirtualThread);

  /**
   * A command and its client.
   *
   * @param patience how long it may run; zero: as long as it likes
   * @param client completes when nobody waits for it any more
   * @param endsWithClient whether it is killed then; otherwise it goes on, as with containerd
   * @param started is told when it runs, with the way to change the size of its terminal
   */
  public record Command(
      String containerId,
      List<String> words,
      boolean terminal,
      Optional<InputStream> stdin,
      OutputStream stdout,
      OutputStream stderr,
      Duration patience,
      CompletableFuture<Void> client,
      boolean endsWithClient,
      Consumer<Resize> started) {
    public Command {
      words = List.copyOf(words);
    }
  }

  /** Changes the size of a terminal. */
  @FunctionalInterface
  public interface Resize {
    void to(int columns, int rows);
  }

  private final Journal journal;
  private final TaskService tasks;
  private final ExecService execs;
  private final Path folder;
  private final Supplier<String> newId;
  private final Duration drain;

  private final ParsedSpecs specs = new ParsedSpecs();

  /** So many may be forgotten beside the commands that follow. */
  private final Semaphore forgetting = new Semaphore(16);

  /**
   * Makes it ready.
   *
   * @param folder where FIFOs of commands are made
   * @param drain how long output is awaited that others hold open when a command has ended; zero:
   *     until they close it or the client is gone
   */
  public CommandRuns(
      Journal journal,
      TaskService tasks,
      ExecService execs,
      Path folder,
      Supplier<String> newId,
      Duration drain) {
    this.journal = journal;
    this.tasks = tasks;
    this.execs = execs;
    this.folder = folder;
    this.newId = newId;
    this.drain = drain;
  }

  /**
   * Runs a command to its end, with all of its output handed over.
   *
   * @return its exit code
   * @throws Refusal FAILED_PRECONDITION where the container does not run; DEADLINE_EXCEEDED where
   *     the command ran longer than it may: it is killed then; UNKNOWN where it has ended and what
   *     it left running does not let go of its output in time
   */
  public int run(Origin origin, Command command) {
    requireRunning(command.containerId());
    tasks.expectProcess();
    String id = newId.get();
    Opaque process = process(command);
    try (ProcessPipes pipes =
        ProcessPipes.make(folder.resolve(id), command.stdin().isPresent(), command.terminal())) {
      // Beside the start: until the shim has its ends, ours hold them open.
      CompletableFuture<Copies> reading =
          CompletableFuture.supplyAsync(
              () -> copies(id, pipes, command), Thread::startVirtualThread);
      CompletableFuture<Exit> exit = start(origin, command, id, pipes.paths(), process);
      Copies copies = reading.join();
      pipes.connected();
      command.stdin().ifPresent(in -> feed(command.containerId(), id, in, pipes.stdin()));
      if (command.terminal()) {
        command.started().accept((columns, rows) -> resize(command, id, columns, rows));
        command.client().thenRun(() -> hangUp(origin, command.containerId(), id));
      }
      Exit ended = await(origin, command, id, exit);
      // Before it is forgotten: what it left running may have more to say.
      boolean drained = copies.await(drain, command.client());
      forgetSoon(origin, command.containerId(), id);
      if (!drained && !command.client().isDone()) {
        throw Refusal.unknown(
            "failed to drain exec process "
                + id
                + " io: it has ended, and processes that it left running still hold its output"
                + " after "
                + drain.toMillis()
                + " ms; let them write elsewhere, or raise drain_exec_sync_io_timeout");
      }
      return ended.getStatus();
    }
  }

  private static Copies copies(String id, ProcessPipes pipes, Command command) {
    Copies copies = new Copies();
    copies.output("stdout of " + id, pipes.stdout(), command.stdout());
    copies.output("stderr of " + id, pipes.stderr(), command.stderr());
    return copies;
  }

  private void requireRunning(String containerId) {
    boolean running =
        tasks
            .find(NAMESPACE, containerId)
            .filter(t -> t.getPhase() == TaskPhase.TASK_PHASE_RUNNING)
            .isPresent();
    if (!running) {
      throw Refusal.failedPrecondition(
          "container " + containerId + " does not run; commands need a running container");
    }
  }

  private CompletableFuture<Exit> start(
      Origin origin, Command command, String id, StdioPaths paths, Opaque process) {
    try {
      execs.run(origin, NAMESPACE, command.containerId(), id, paths, process);
      return tasks.exitOf(NAMESPACE, command.containerId(), id);
    } catch (RuntimeException e) {
      forget(origin, command.containerId(), id);
      throw e;
    }
  }

  /** The end of the client's input is the end of the command's. */
  private void feed(String containerId, String id, InputStream from, OutputStream to) {
    Copies.input(
        "stdin of " + id,
        from,
        to,
        () -> {
          try {
            to.close();
            tasks.closeStdin(NAMESPACE, containerId, id);
          } catch (IOException | Refusal e) {
            LOG.debug("stdin of exec {} was closed already: {}", id, e.getMessage());
          }
        });
  }

  private void resize(Command command, String id, int columns, int rows) {
    try {
      tasks.resizePty(NAMESPACE, command.containerId(), id, columns, rows);
    } catch (Refusal e) {
      LOG.debug("exec {} has no terminal any more: {}", id, e.sentence());
    }
  }

  /** As a modem would: the terminal of a client that is gone is no good to anybody. */
  private void hangUp(Origin origin, String containerId, String id) {
    Thread.startVirtualThread(
        () -> {
          try {
            tasks.kill(origin, NAMESPACE, containerId, id, SIGHUP, false);
          } catch (Refusal e) {
            LOG.debug("exec {} needs no hang-up: {}", id, e.sentence());
          }
        });
  }

  private Exit await(Origin origin, Command command, String id, CompletableFuture<Exit> exit) {
    Duration patience = command.patience();
    CompletableFuture<Object> either =
        command.endsWithClient()
            ? CompletableFuture.anyOf(exit, command.client())
            : exit.thenApply(ended -> ended);
    try {
      if (patience.isZero()) {
        either.get();
      } else {
        either.get(patience.toMillis(), TimeUnit.MILLISECONDS);
      }
    } catch (TimeoutException e) {
      kill(origin, command.containerId(), id);
      throw Refusal.deadlineExceeded(
          "the command did not end within " + patience.toSeconds() + " s and was killed");
    } catch (ExecutionException e) {
      throw Refusal.internal("the wait for a command ended badly", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the wait for a command was given up");
    }
    if (!exit.isDone()) {
      kill(origin, command.containerId(), id);
      throw Refusal.cancelled("the caller is gone, and the command was killed");
    }
    return exit.join();
  }

  private void kill(Origin origin, String containerId, String id) {
    try {
      tasks.kill(origin, NAMESPACE, containerId, id, SIGKILL, false);
    } catch (Refusal e) {
      LOG.debug("exec {} ended at the last moment: {}", id, e.sentence());
    }
    try {
      CompletableFuture<Exit> exit = tasks.exitOf(NAMESPACE, containerId, id);
      exit.get(AFTER_KILL.toMillis(), TimeUnit.MILLISECONDS);
      forget(origin, containerId, id);
    } catch (TimeoutException | ExecutionException | Refusal still) {
      LOG.warn("exec {} in {} was killed and has not ended yet", id, containerId);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * What the caller asked for is done and on disk; nobody waits for the removal of what it left. A
   * daemon that dies meanwhile finds it when it starts.
   */
  private void forgetSoon(Origin origin, String containerId, String id) {
    if (!forgetting.tryAcquire()) {
      forget(origin, containerId, id);
      return;
    }
    AFTER_ANSWER.execute(
        () -> {
          try {
            forget(origin, containerId, id);
          } catch (RuntimeException e) {
            LOG.debug("exec {} is left for the next start: {}", id, e.toString());
          } finally {
            forgetting.release();
          }
        });
  }

  private void forget(Origin origin, String containerId, String id) {
    try {
      execs.delete(origin, NAMESPACE, containerId, id);
    } catch (Refusal e) {
      // With the container its execs go as well.
      if (!e.is(Refusal.Code.NOT_FOUND)) {
        LOG.warn("exec {} in {} is not removed: {}", id, containerId, e.sentence());
      }
    }
  }

  private Opaque process(Command command) {
    Opaque spec =
        journal
            .state()
            .get(Kind.SPEC.key(NAMESPACE, command.containerId()))
            .orElseThrow(
                () ->
                    Refusal.failedPrecondition(
                        "container " + command.containerId() + " has no spec"))
            .getSpec();
    JsonObject container = specs.of(command.containerId(), spec);
    return Opaque.newBuilder()
        .setTypeUrl("types.containerd.io/opencontainers/runtime-spec/1/Process")
        .setValue(
            ByteString.copyFromUtf8(
                SpecBuilder.exec(container, command.words(), command.terminal()).toString()))
        .build();
  }
}
