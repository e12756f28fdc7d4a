package dev.retainerd.shim.container;

import dev.retainerd.shim.posix.Pidfd;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.process.OciRuntime;
import dev.retainerd.shim.process.Reaper;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.record.ContainerRecord;
import dev.retainerd.shim.wire.record.ExitRecord;
import dev.retainerd.shim.wire.record.ProcessRecord;
import dev.retainerd.shim.wire.record.RuntimeRecord;
import dev.retainerd.shim.wire.task.DeleteResponse;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Ends a container whose shim is gone and that nobody adopts: containerd's {@code delete} action.
 * The status is the recorded one, else the kernel's behind the pin, else that of SIGKILL.
 */
public final class LeftBehind {
  private static final int KILLED = 128 + Processes.SIGKILL;

  private static final Duration DELETE_PATIENCE = Duration.ofSeconds(30);

  private LeftBehind() {}

  public static DeleteResponse clean(String namespace, String id, Path folder) throws IOException {
    Bundle bundle = new Bundle(folder);
    ContainerRecord record =
        Bundle.read(bundle.folder().resolve("container"), ContainerRecord.parser());
    ExitRecord exit = Bundle.read(bundle.folder().resolve("exit"), ExitRecord.parser());
    RuntimeRecord runtime =
        record != null
            ? record.getRuntime()
            : RuntimeRecord.newBuilder()
                .setRoot(Path.of("/run/containerd/runc", namespace).toString())
                .build();
    int status = exit != null ? exit.getExitStatus() : pinned(bundle);
    try {
      RuntimeRecord known =
          runtime.getBinary().isEmpty()
              ? runtime.toBuilder().setBinary(OciRuntime.find("")).build()
              : runtime;
      Reaper reaper = new Reaper();
      reaper.start();
      Path place = java.nio.file.Files.isDirectory(bundle.folder()) ? bundle.folder() : folder;
      new OciRuntime(reaper, known, DELETE_PATIENCE).simple(place, "delete", "--force", id);
    } catch (TtrpcException e) {
      System.err.println("the OCI runtime could not delete " + id + ": " + e.getMessage());
    }
    if (record != null) {
      endKeeper(record.getInit());
      HalfMade.remove(bundle, record);
    }
    RootMounts.unmountAll(bundle.rootfs());
    bundle.remove("");
    long now = System.currentTimeMillis() * 1_000_000;
    return DeleteResponse.newBuilder()
        .setPid(record == null ? 0 : record.getInit().getPid())
        .setExitStatus(status)
        .setExitedAt(Containers.time(exit == null ? now : exit.getAtNanos()))
        .build();
  }

  /** It may hold things of others of the same dead shim, which are cleaned away as well. */
  private static void endKeeper(ProcessRecord process) {
    try {
      Keeper keeper = Keeper.open(process.getKeeperPid(), process.getKeeperStartTicks());
      keeper.close();
      keeper.kill();
    } catch (PosixException e) {
      // It is gone, or never was.
    }
  }

  private static int pinned(Bundle bundle) {
    int pin = Posix.tryOpen(bundle.folder().resolve("pin").toString(), Posix.O_RDONLY, 0);
    try {
      int code = pin < 0 ? -1 : Pidfd.exitCode(pin);
      return code < 0 ? KILLED : Processes.statusOf(code);
    } finally {
      Posix.close(pin);
    }
  }
}
