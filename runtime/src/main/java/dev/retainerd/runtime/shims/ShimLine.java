package dev.retainerd.runtime.shims;

import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.runtime.error.Refusal;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A shim's line as its callers hold it. It can be moved to the shim's successor under their hands:
 * calls under way are let finish, later ones wait, and go to the successor then. {@link #info},
 * {@link #records} and {@link #close} do not wait. Thread-safe.
 */
final class ShimLine implements ShimCalls {
  private static final Duration MOVE_PATIENCE = Duration.ofSeconds(30);

  private final ReentrantReadWriteLock gate = new ReentrantReadWriteLock();
  private volatile ShimCalls target;
  private volatile boolean silent;
  private volatile boolean ended;

  ShimLine(ShimCalls target) {
    this.target = target;
  }

  /** No call is under way and none begins, until closed by the same thread. */
  interface Quiet extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Lets the calls under way finish and holds later ones back.
   *
   * @throws Refusal DEADLINE_EXCEEDED where they do not finish within {@code patience}; all goes on
   */
  Quiet quiesce(Duration patience) {
    try {
      if (gate.writeLock().tryLock(patience.toMillis(), TimeUnit.MILLISECONDS)) {
        return () -> gate.writeLock().unlock();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the wait for the calls of a shim was given up");
    }
    throw Refusal.deadlineExceeded(
        "calls of the shim are still under way after " + patience.toSeconds() + " s; try again");
  }

  /** To be called while it is quiet. The line to the shim before is closed. */
  void moveTo(ShimCalls successor) {
    ShimCalls before = target;
    target = successor;
    ended = false;
    before.close();
  }

  private <T> T through(Function<ShimCalls, T> call) {
    try {
      if (!gate.readLock().tryLock(MOVE_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        throw Refusal.unavailable(
            "the shim is being replaced and its successor is late; ask again");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the wait for a shim's successor was given up");
    }
    try {
      return call.apply(target);
    } catch (Refusal e) {
      ended |= e.is(Refusal.Code.UNAVAILABLE);
      throw e;
    } finally {
      gate.readLock().unlock();
    }
  }

  private void tell(Consumer<ShimCalls> call) {
    through(
        shim -> {
          call.accept(shim);
          return true;
        });
  }

  @Override
  public Info info(Duration patience) {
    return target.info(patience);
  }

  @Override
  public int create(TaskRequest request) {
    return through(shim -> shim.create(request));
  }

  @Override
  public int run(TaskRequest request) {
    return through(shim -> shim.run(request));
  }

  @Override
  public OptionalInt offer(TaskRequest request, Path offer, BooleanSupplier withdraw) {
    OptionalInt pid = through(shim -> shim.offer(request, offer, withdraw));
    silent = pid.isEmpty();
    return pid;
  }

  /** Whether it has not taken what it was last offered, and has given no sign of life since. */
  boolean isSilent() {
    return silent;
  }

  /** Whether a call found its connection gone: it will be taken out of use in a moment. */
  boolean isEnded() {
    return ended;
  }

  /** Notes a sign of life. */
  void sawAnswer() {
    silent = false;
  }

  @Override
  public int start(String namespace, String containerId, String execId) {
    return through(shim -> shim.start(namespace, containerId, execId));
  }

  @Override
  public void exec(ExecRequest request) {
    tell(shim -> shim.exec(request));
  }

  @Override
  public int runExec(ExecRequest request) {
    return through(shim -> shim.runExec(request));
  }

  @Override
  public void kill(String namespace, String containerId, String execId, int signal, boolean all) {
    tell(shim -> shim.kill(namespace, containerId, execId, signal, all));
  }

  @Override
  public ProcessStatus delete(String namespace, String containerId, String execId) {
    return through(shim -> shim.delete(namespace, containerId, execId));
  }

  @Override
  public ProcessStatus state(String namespace, String containerId, String execId) {
    return through(shim -> shim.state(namespace, containerId, execId));
  }

  @Override
  public void pause(String namespace, String containerId) {
    tell(shim -> shim.pause(namespace, containerId));
  }

  @Override
  public void resume(String namespace, String containerId) {
    tell(shim -> shim.resume(namespace, containerId));
  }

  @Override
  public void resizePty(
      String namespace, String containerId, String execId, int width, int height) {
    tell(shim -> shim.resizePty(namespace, containerId, execId, width, height));
  }

  @Override
  public void closeStdin(String namespace, String containerId, String execId) {
    tell(shim -> shim.closeStdin(namespace, containerId, execId));
  }

  @Override
  public List<Integer> pids(String namespace, String containerId) {
    return through(shim -> shim.pids(namespace, containerId));
  }

  @Override
  public Opaque stats(String namespace, String containerId) {
    return through(shim -> shim.stats(namespace, containerId));
  }

  @Override
  public void update(String namespace, String containerId, Opaque resources) {
    tell(shim -> shim.update(namespace, containerId, resources));
  }

  @Override
  public List<ShimRecord> records(long since, Duration patience) {
    return target.records(since, patience);
  }

  @Override
  public List<String> adopt(List<Adoptee> adoptees, Path holderSocket) {
    return through(shim -> shim.adopt(adoptees, holderSocket));
  }

  @Override
  public void reopenLog(String namespace, String containerId) {
    tell(shim -> shim.reopenLog(namespace, containerId));
  }

  @Override
  public Map<LogSetting, Long> setLog(
      String namespace, String containerId, Map<LogSetting, Long> changes) {
    return through(shim -> shim.setLog(namespace, containerId, changes));
  }

  @Override
  public void attach(String namespace, String containerId, String stdout, String stderr) {
    tell(shim -> shim.attach(namespace, containerId, stdout, stderr));
  }

  @Override
  public void checkpoint(
      String namespace, String containerId, Path images, Opaque options, Duration patience) {
    tell(shim -> shim.checkpoint(namespace, containerId, images, options, patience));
  }

  @Override
  public void sendDescriptors(Path holderSocket) {
    tell(shim -> shim.sendDescriptors(holderSocket));
  }

  @Override
  public void shutdown() {
    tell(ShimCalls::shutdown);
  }

  @Override
  public void close() {
    target.close();
  }
}
