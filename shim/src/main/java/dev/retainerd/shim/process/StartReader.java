package dev.retainerd.shim.process;

import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A process that waits for our word and then reads the {@link ExecFifo} at which a container's init
 * waits, which is how that init is let go. It can be made while the runtime still makes the
 * container, so that the start itself waits for no process to begin. Where we die before the word,
 * it ends and has touched nothing. For one thread.
 */
public final class StartReader implements AutoCloseable {
  private static final Path SHELL = Path.of("/bin/sh");

  /** Init closes its end, and so ends the second read, by becoming the program. */
  private static final String SCRIPT =
      "read -r word && IFS= read -r taken <\"$1\"; printf %s \"$taken\"";

  private final OciRuntime runtime;
  private final ExecFifo fifo;
  private final OciRuntime.Call call;
  private final int taken;
  private int word;

  private StartReader(
      OciRuntime runtime, ExecFifo fifo, OciRuntime.Call call, int taken, int word) {
    this.runtime = runtime;
    this.fifo = fifo;
    this.call = call;
    this.taken = taken;
    this.word = word;
  }

  static boolean isPossible() {
    return Files.isExecutable(SHELL);
  }

  /** Makes the process; what it reads goes to a file in the folder. */
  static StartReader make(OciRuntime runtime, ExecFifo fifo, Path folder) throws PosixException {
    int none = -1;
    int out = -1;
    int[] word = {-1, -1};
    try {
      none = Posix.open("/dev/null", Posix.O_RDWR, 0);
      int flags = Posix.O_WRONLY | Posix.O_CREAT | Posix.O_TRUNC;
      out = Posix.open(folder.resolve("start-taken").toString(), flags, 0600);
      word = Posix.pipe();
      List<String> command =
          List.of(SHELL.toString(), "-c", SCRIPT, SHELL.toString(), fifo.path().toString());
      OciRuntime.Call call = runtime.spawn(folder, command, new int[] {word[0], out, none});
      StartReader reader = new StartReader(runtime, fifo, call, out, word[1]);
      out = -1;
      word[1] = -1;
      return reader;
    } finally {
      Posix.close(none);
      Posix.close(out);
      Posix.close(word[0]);
      Posix.close(word[1]);
    }
  }

  /**
   * Lets the init go and waits until it is the program.
   *
   * @param pid of the init
   * @return false where it had ended before, or waits at no such FIFO: then it is for the runtime
   */
  public boolean letGo(int pid) throws TtrpcException {
    if (!fifo.exists() || !fifo.isOfRunc()) {
      return false;
    }
    try {
      Posix.writeAll(word, new byte[] {'\n'});
      runtime.await(
          call,
          "start",
          () -> {
            if (!ExecFifo.isRuncInit(pid)) {
              fifo.endWait();
            }
          });
      // Nothing came: init is gone, or a start before this one let it go and did not live to say
      // so.
      boolean started =
          Posix.status(taken).size() > 0 || Processes.isAlive(pid) && !ExecFifo.isRuncInit(pid);
      if (started) {
        fifo.remove();
        ExecFifo.awaitProgram(pid);
      }
      return started;
    } catch (IOException e) {
      throw new TtrpcException(StatusCode.UNKNOWN, e.getMessage(), e);
    }
  }

  /** Without the word it ends by this. */
  @Override
  public void close() {
    Posix.close(word);
    Posix.close(taken);
    word = -1;
  }
}
