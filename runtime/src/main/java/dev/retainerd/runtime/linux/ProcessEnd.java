package dev.retainerd.runtime.linux;

/** The end of this process. */
public final class ProcessEnd {
  private ProcessEnd() {}

  /**
   * Ends it at once, as {@code _exit(2)}: whatever is to be closed is closed. The JVM's own end
   * waits 300 ms for threads that are in a system call, and a daemon has always some that wait for
   * a client or a shim.
   *
   * @param code 0..255
   */
  public static void now(int code) {
    Libc.raw(Libc.EXIT, code, 0, 0, 0, 0, 0);
  }
}
