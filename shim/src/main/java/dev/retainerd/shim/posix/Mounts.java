package dev.retainerd.shim.posix;

/** mount(2) and umount2(2). Thread-safe. */
public final class Mounts {
  public static final int MNT_DETACH = 2;

  private static final long MOUNT = Native.symbol("mount");
  private static final long UMOUNT2 = Native.symbol("umount2");

  private Mounts() {}

  public static void mount(String source, String target, String type, long flags, String data)
      throws PosixException {
    long sourceName = Native.string(source);
    long targetName = Native.string(target);
    long typeName = type.isEmpty() ? 0 : Native.string(type);
    long dataText = data.isEmpty() ? 0 : Native.string(data);
    try {
      if ((int) Native.call(MOUNT, sourceName, targetName, typeName, flags, dataText) < 0) {
        throw new PosixException(
            "cannot mount " + type + " from " + source + " at " + target, Native.errno());
      }
    } finally {
      Native.free(sourceName);
      Native.free(targetName);
      Native.free(typeName);
      Native.free(dataText);
    }
  }

  /** 0, or a negative errno: EINVAL where nothing is mounted. */
  public static int unmount(String target, int flags) {
    long name = Native.string(target);
    try {
      return (int) Native.call(UMOUNT2, name, flags) < 0 ? -Native.errno() : 0;
    } finally {
      Native.free(name);
    }
  }
}
