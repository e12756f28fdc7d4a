package dev.retainerd.runtime.grpc;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Who opened the connection, as the kernel told it when the connection was made.
 *
 * <p>The executable is read from /proc at that moment, because a pid alone says nothing later: it
 * may have been used again. Empty where the process was gone already or lives in another pid
 * namespace (its pid is 0 then).
 *
 * @param pid process id in the daemon's pid namespace, 0 if it has none there
 * @param uid user id, -1 if unknown
 * @param gid primary group id, -1 if unknown
 * @param executable path of the program, empty if unknown
 */
public record Caller(int pid, int uid, int gid, String executable) {

  /**
   * A caller of whom nothing is known: a call from within the daemon's own tests, or no unix
   * socket.
   */
  public static final Caller UNKNOWN = new Caller(0, -1, -1, "");

  public Caller {
    Objects.requireNonNull(executable, "executable");
  }

  /** The caller with these credentials; reads the name of its program from /proc. */
  static Caller of(int pid, int uid, int gid) {
    String executable = "";
    if (pid > 0) {
      try {
        executable =
            Files.readSymbolicLink(Path.of("/proc", Integer.toString(pid), "exe")).toString();
      } catch (IOException gone) {
        executable = "";
      }
    }
    return new Caller(pid, uid, gid, executable);
  }
}
