package dev.retainerd.shim.container;

import dev.retainerd.shim.output.ProcessStreams;
import dev.retainerd.shim.posix.Epoll;
import dev.retainerd.shim.posix.ExitEvents;
import dev.retainerd.shim.posix.Pidfd;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.process.ExecFifo;
import dev.retainerd.shim.protocol.DescriptorHolder;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.record.ContainerRecord;
import dev.retainerd.shim.wire.record.ExitRecord;
import dev.retainerd.shim.wire.record.ProcessRecord;
import dev.retainerd.shim.wire.record.Stage;
import dev.retainerd.shim.wire.retain.ExitSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Takes over one container whose shim is gone, from its bundle and from what a holder kept. The
 * processes are no children of ours: their ends are seen by pidfd and their statuses read from the
 * zombie, or from the kernel's memory behind the pidfd once their parent has reaped them. Used
 * once, by one thread.
 */
final class Adoption {
  private static final int UNKNOWN_STATUS = 255;

  /** Without a keeper nothing keeps the time of an exit: not the pin, the cgroup or the FIFO. */
  private static final String FOUND_LATER =
      "no shim lived when it ended: the status is the kernel's, the time is that of its discovery,"
          + " an upper bound";

  private static final String TOLD_BY_KERNEL =
      "no shim lived when it ended: status and time are the kernel's";

  private static final long SETTLE_MILLIS = 2_000;
  private static final long RUNTIME_GONE_MILLIS = 5_000;

  private final Shared shared;
  private final Bundle bundle;
  private final String holder;
  private final Map<String, Integer> held = new HashMap<>();
  private final StringBuilder losses = new StringBuilder();

  Adoption(Shared shared, Bundle bundle, String holder) {
    this.shared = shared;
    this.bundle = bundle;
    this.holder = holder;
  }

  /** The name under which a holder keeps a descriptor. */
  static String holdName(Container container, ContainerProcess process, String what) {
    return container.namespace() + "/" + container.id() + "/" + process.execId() + "/" + what;
  }

  String losses() {
    return losses.toString();
  }

  Container adopt(String namespace, String id) throws TtrpcException {
    ContainerRecord record = read(namespace, id);
    Container container = new Container(shared, bundle, record);
    if (record.getInit().getStage().getNumber() < Stage.CREATED_VALUE) {
      endRuntimeCall();
      container.first().rejoinKeeper();
      container.undoCreate();
      shared.keepers().endUnrecorded(bundle.folder());
      throw new TtrpcException(
          StatusCode.ABORTED,
          namespace + "/" + id + " was being created when its shim died; it was cleaned away");
    }
    fetchHeld(namespace + "/" + id + "/");
    try {
      ContainerProcess first = container.first();
      first.rejoinKeeper();
      if (first.stage() == Stage.STARTING) {
        settleStart(first, container);
      }
      if (alive(first)) {
        container.watchMemory();
      }
      if (!container.awaitsRestore()) {
        takeOver(container, first);
      }
      for (String execId : bundle.execIds()) {
        adoptExec(container, execId);
      }
      return container;
    } catch (IOException e) {
      throw new TtrpcException(StatusCode.INTERNAL, bundle.path() + ": " + e.getMessage(), e);
    } finally {
      for (int fd : held.values()) {
        Posix.close(fd);
      }
    }
  }

  private ContainerRecord read(String namespace, String id) throws TtrpcException {
    try {
      ContainerRecord record =
          Bundle.read(bundle.folder().resolve("container"), ContainerRecord.parser());
      if (record == null) {
        throw new TtrpcException(
            StatusCode.NOT_FOUND, "the bundle " + bundle.path() + " holds no container of a shim");
      }
      if (!record.getNamespace().equals(namespace) || !record.getId().equals(id)) {
        throw new TtrpcException(
            StatusCode.INVALID_ARGUMENT,
            "the bundle "
                + bundle.path()
                + " is of "
                + record.getNamespace()
                + "/"
                + record.getId()
                + ", not of "
                + namespace
                + "/"
                + id);
      }
      return record;
    } catch (IOException e) {
      throw new TtrpcException(
          StatusCode.DATA_LOSS,
          "the record in " + bundle.path() + " cannot be read: " + e.getMessage(),
          e);
    }
  }

  /** The runtime of the dead shim may still be at work on what is to be cleaned away. */
  private void endRuntimeCall() {
    try {
      String[] fields = Files.readString(bundle.folder().resolve("runtime-call")).split(" ");
      int pid = Integer.parseInt(fields[0]);
      long ticks = Long.parseLong(fields[1]);
      long deadline = System.nanoTime() + RUNTIME_GONE_MILLIS * 1_000_000;
      Processes.Stat stat = Processes.stat(pid);
      while (stat != null
          && stat.startTicks() == ticks
          && stat.state() != 'Z'
          && System.nanoTime() < deadline) {
        Processes.signal(pid, Processes.SIGKILL);
        Thread.sleep(5);
        stat = Processes.stat(pid);
      }
    } catch (IOException | RuntimeException e) {
      // No call was under way.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void fetchHeld(String prefix) {
    if (holder.isEmpty()) {
      return;
    }
    try (DescriptorHolder.Connection connection = DescriptorHolder.connect(Path.of(holder))) {
      held.putAll(connection.get(prefix));
    } catch (PosixException e) {
      losses.append("nothing came from the holder: ").append(e.getMessage()).append("; ");
    }
  }

  /** Whether a start that was under way has happened: the runtime's init then is the program. */
  private static void settleStart(ContainerProcess first, Container container)
      throws IOException, TtrpcException {
    ExecFifo fifo = new ExecFifo(Path.of(container.runtimeRoot()), container.id());
    if (fifo.exists()
        && (fifo.isOfRunc()
            ? !ExecFifo.awaitProgram(first.pid())
            : Processes.isAlive(first.pid()))) {
      first.advance(Stage.CREATED);
      return;
    }
    if (fifo.isOfRunc()) {
      fifo.remove();
    }
    first.advance(Stage.STARTED);
  }

  private void adoptExec(Container container, String execId) throws IOException, TtrpcException {
    ProcessRecord record =
        Bundle.read(bundle.folder(execId).resolve("process"), ProcessRecord.parser());
    if (record == null) {
      bundle.remove(execId);
      return;
    }
    ContainerProcess exec = new ContainerProcess(shared, container, bundle.folder(execId), record);
    exec.rejoinKeeper();
    container.execs().put(execId, exec);
    if (record.getStage() == Stage.STARTING) {
      // The runtime may have written the pid without the shim having lived to note it.
      try {
        int pid = Integer.parseInt(Files.readString(exec.folder().resolve("pid")).trim());
        Processes.Stat stat = Processes.stat(pid);
        exec.advance(
            record.toBuilder()
                .setPid(pid)
                .setStage(Stage.STARTED)
                .setBootId(shared.bootId())
                .setStartTimeTicks(stat == null ? 0 : stat.startTicks()));
      } catch (IOException | NumberFormatException e) {
        exec.advance(Stage.DELETING);
      }
    }
    if (exec.stage() == Stage.STARTED) {
      takeOver(container, exec);
    }
  }

  private boolean alive(ContainerProcess process) {
    if (!process.record().getBootId().equals(shared.bootId())) {
      return false;
    }
    Processes.Stat stat = Processes.stat(process.pid());
    return stat != null
        && stat.startTicks() == process.record().getStartTimeTicks()
        && stat.state() != 'Z';
  }

  private void takeOver(Container container, ContainerProcess process)
      throws IOException, TtrpcException {
    ExitRecord recorded = Bundle.read(process.folder().resolve("exit"), ExitRecord.parser());
    boolean ended = recorded != null || !alive(process);
    openStreams(container, process, ended);
    if (recorded != null) {
      ExitSource source =
          recorded.getSource() == ExitSource.SHIM ? ExitSource.RECORD : recorded.getSource();
      process.restoreEnd(recorded.toBuilder().setSource(source).build());
      return;
    }
    int handle = ended ? process.openPin() : Pidfd.open(process.pid());
    if (!ended) {
      process.setPidfd(handle);
      int watched = Posix.duplicate(handle);
      shared.loop().submit(() -> watch(process, watched));
      return;
    }
    settleEnd(process, handle, System.nanoTime(), FOUND_LATER);
    Posix.close(handle);
  }

  private void openStreams(Container container, ContainerProcess process, boolean ended)
      throws TtrpcException {
    ProcessStreams.Stdin stdin =
        process.record().getStdinClosed() || ended
            ? ProcessStreams.Stdin.CLOSED
            : ProcessStreams.Stdin.OPEN;
    try {
      ProcessStreams streams =
          ProcessStreams.open(
              shared.loop(), process.folder(), process.wanted(), stdin, shared.undelivered());
      process.setStreams(streams);
      Integer handed = held.remove(holdName(container, process, "terminal"));
      boolean wanted = handed == null && process.record().getTerminal();
      int master = handed != null ? handed : wanted ? process.keptTerminal() : -1;
      if (handed != null) {
        process.setHeldElsewhere();
      }
      if (master >= 0) {
        streams.attachTerminal(master);
      } else if (process.record().getTerminal() && !ended) {
        losses.append("nobody held the terminal of ").append(process).append("; ");
      }
      if (process.keeper() == null && !ended) {
        process.lostKeeper();
      }
    } catch (TtrpcException e) {
      // The client's end may be gone for good; that must not cost the container.
      losses.append(e.getMessage()).append("; ");
    }
  }

  private void watch(ContainerProcess process, int pidfd) {
    try {
      shared
          .loop()
          .watch(
              pidfd,
              Epoll.IN,
              events -> {
                shared.loop().forget(pidfd);
                settleLater(process, pidfd, System.nanoTime());
              });
    } catch (PosixException e) {
      settleLater(process, pidfd, System.nanoTime());
    }
  }

  private void settleLater(ContainerProcess process, int pidfd, long since) {
    Thread thread =
        new Thread(
            null,
            () -> {
              settleEnd(process, pidfd, since, "");
              Posix.close(pidfd);
            },
            "adopted-end",
            128 << 10);
    thread.setDaemon(true);
    thread.start();
  }

  /** Reads the status of a process that has ended: from the kernel, or says why not. */
  private void settleEnd(ContainerProcess process, int pidfd, long since, String remark) {
    ProcessRecord record = process.record();
    long now = System.currentTimeMillis() * 1_000_000;
    if (!record.getBootId().equals(shared.bootId())) {
      process.recordEnd(
          UNKNOWN_STATUS, now, ExitSource.UNKNOWN_SOURCE, "NodeReboot: the machine was restarted");
      return;
    }
    while (true) {
      int code = pidfd < 0 ? -1 : Pidfd.exitCode(pidfd);
      if (code < 0) {
        Processes.Stat stat = Processes.stat(record.getPid());
        boolean zombie =
            stat != null && stat.startTicks() == record.getStartTimeTicks() && stat.state() == 'Z';
        code = zombie ? stat.exitCode() : -1;
      }
      ExitEvents.End told =
          process.keeper() == null ? null : process.keeper().endOf(record.getPid());
      if (told != null && (code >= 0 || pidfd < 0 || !alive(process))) {
        // Older kernels keep no status behind the pin, and tell it here all the same.
        int status = Processes.statusOf(code >= 0 ? code : told.waitStatus());
        long at = now - (System.nanoTime() - told.atNanoTime());
        process.recordEnd(status, at, ExitSource.PIN, remark.isEmpty() ? remark : TOLD_BY_KERNEL);
        return;
      }
      if (code >= 0) {
        process.recordEnd(Processes.statusOf(code), now, ExitSource.PIN, remark);
        return;
      }
      if (pidfd < 0 || System.nanoTime() - since > TimeUnit.MILLISECONDS.toNanos(SETTLE_MILLIS)) {
        break;
      }
      try {
        Thread.sleep(2);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
    }
    process.recordEnd(
        UNKNOWN_STATUS,
        now,
        ExitSource.UNKNOWN_SOURCE,
        "no shim lived when it ended, and this kernel keeps no status (Linux 6.15 does)");
  }
}
