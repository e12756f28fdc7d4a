package dev.retainerd.shim.posix;

/**
 * /dev/null for processes of user namespaces. A runtime may give a container's root what it hands
 * it as standard streams: crun (1.8) then gives away the device of the whole node. Through a
 * read-only mount of it nothing can be given away, and it reads and writes as ever. Thread-safe.
 */
public final class NullDevice {
  private static final String PATH = "/dev/null";

  private NullDevice() {}

  /**
   * Opens it so that its owner cannot be changed; where the kernel cannot do that (before 5.12), as
   * it is.
   *
   * @param flags as of open(2)
   */
  public static int openGuarded(int flags) throws PosixException {
    int tree = -1;
    try {
      tree = readOnlyMount();
      return Posix.open("/proc/self/fd/" + tree, flags, 0);
    } catch (PosixException e) {
      return Posix.open(PATH, flags, 0);
    } finally {
      Posix.close(tree);
    }
  }

  /** A mount that stands nowhere and is gone with the last file opened through it. */
  private static int readOnlyMount() throws PosixException {
    int copy = Mounts.copy("this kernel cannot mount " + PATH + " apart", PATH);
    try {
      Mounts.makeReadOnly("this kernel cannot mount " + PATH + " read-only", copy);
      return copy;
    } catch (PosixException e) {
      Posix.close(copy);
      throw e;
    }
  }
}
